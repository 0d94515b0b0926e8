"""Airflow's notifiers, as an export declares them."""

import pytest
import yaml
from airflow.providers.smtp.notifications.smtp import SmtpNotifier

from marketo_provider.errors import InvalidExport
from marketo_provider.exports import ExportFile
from marketo_provider.notify import Notifier
from marketo_provider.operators.notifiers import make_notifier, notifier_faults
from marketo_provider.sync.notices import Notice
from tests.pages import blocks
from tests.sync.standings import an_export

pytestmark = pytest.mark.airflow

NOTICE = Notice(
    kind="stale", well=False, export="a", dag_id="b", subject="It is stale", text="Why <and> what to do."
)


def smtp(**arguments: object) -> Notifier:
    """Return Airflow's e-mail notifier as declared."""
    declared = {"notifier": "airflow.providers.smtp.notifications.smtp.SmtpNotifier", "arguments": arguments}
    return Notifier.model_validate(declared)


def test_the_e_mail_in_the_docs_says_the_message() -> None:
    """Its templates are filled in, and what looks like a tag is shown as it is."""
    (example,) = blocks("docs/being-told.md", "yaml")
    (export,) = ExportFile.model_validate(yaml.safe_load(example)).exports

    notifier = make_notifier(export.notify[0])
    notifier.render_template_fields({"notice": NOTICE})  # type: ignore[typeddict-unknown-key]  # as the watch adds it

    assert isinstance(notifier, SmtpNotifier)
    assert (notifier.to, notifier.subject) == ("lifecycle@example.com", "It is stale")
    assert notifier.html_content == "<p>Why &lt;and&gt; what to do.</p>"


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        (Notifier(notifier="no.such.Notifier"), "cannot be imported"),
        (Notifier(notifier="pathlib.Path"), "is no class of Airflow notifiers"),
        (smtp(), "it needs to"),
        (smtp(to="a", txt="hush"), "txt is no argument of it"),
        (smtp(to="a", template="/no/such/hush"), "are not what it takes (FileNotFoundError)"),
    ],
)
def test_what_is_wrong_is_said_without_what_was_given(declared: Notifier, words: str) -> None:
    """When DAGs are read and when it is to tell; a value may be a secret."""
    export = an_export().model_copy(update={"notify": (smtp(to="a"), declared)})

    with pytest.raises(InvalidExport) as caught:
        make_notifier(declared)

    (fault,) = notifier_faults(export)
    assert fault.path[:2] == ("notify", 1)
    assert words in fault.message
    assert words in str(caught.value)
    assert "hush" not in f"{fault} {caught.value}"
