"""Mission line 7: the REST URL works in every form in which people paste it.

The host is the one that Marketo shows, reached through a proxy that stands for it; the sandbox's own address takes
the forms that keep plain http. What else is refused, and with which advice, is in `tests/marketo`. Which Mixpanel
permission is enough is tested with line 5.
"""

from pathlib import Path

import pytest

from tests.dags.deployment import Deployment
from tests.dags.vendor_front import vendor_front

pytestmark = pytest.mark.airflow

ANN = "ann@example.com"
HOST = "123-abc-456.mktorest.com"
FORMS = [
    "https://123-ABC-456.mktorest.com/rest",
    "https://123-ABC-456.mktorest.com/identity",
    "https://123-abc-456.mktorest.com/identity/oauth/token",
    "https://123-abc-456.mktorest.com",
    "https://123-abc-456.mktorest.com/rest/v1",
    "HTTPS://123-ABC-456.MKTOREST.COM/REST/",
    "123-ABC-456.mktorest.com",
    "123-abc-456.mktorest.com/identity/",
    "123-ABC-456",
]


@pytest.fixture
def ready(deployment: Deployment) -> Deployment:
    """Return a deployment with an export and one member."""
    deployment.declare()
    deployment.set_cohort([ANN])
    return deployment


@pytest.mark.parametrize("form", FORMS)
def test_the_rest_url_works_as_pasted(ready: Deployment, form: str, tmp_path: Path) -> None:
    """Requests go to the one host that it means, over verified TLS, and the target has that host's name."""
    with vendor_front(ready.marketo_url, [HOST], tmp_path) as front:
        ready.connect_marketo(form, proxies={"https": front.proxy}, verify=str(front.certificate))

        outcome = ready.run()

    assert outcome.state == "success"
    assert set(front.asked) == {f"{HOST}:443"}
    assert ready.flags() == {ANN: True}
    assert (ready.state / "marketo" / HOST).is_dir()


@pytest.mark.parametrize("suffix", ["/rest", "/identity", "/IDENTITY/OAUTH/TOKEN", "/"])
def test_the_sandbox_s_address_works_as_pasted(ready: Deployment, suffix: str) -> None:
    """Plain http is taken on loopback, where the sandbox is."""
    ready.connect_marketo(f"{ready.marketo_url}{suffix}")

    outcome = ready.run()

    assert outcome.state == "success"
    assert ready.flags() == {ANN: True}


def test_all_forms_mean_one_target(ready: Deployment) -> None:
    """Who pastes another form later goes on with the same ledger: there is nothing to send."""
    ready.run()
    ready.connect_marketo(f"{ready.marketo_url.upper()}/IDENTITY")
    ready.marketo.wire.log.clear()

    outcome = ready.run()

    assert outcome.state == "success"
    assert ready.writes() == []


@pytest.mark.parametrize(
    "form", ["https://app-ab12.marketo.com", "https://example.com/rest", "http://123-abc-456.mktorest.com/rest"]
)
def test_something_else_is_refused_before_any_request(ready: Deployment, form: str) -> None:
    """The check fails for good and says where the REST URL is to be found, or to use https."""
    ready.connect_marketo(form)

    outcome = ready.run()

    assert (outcome.tasks["check_field"], outcome.tries["check_field"]) == ("failed", 1)
    assert "Web Services" in outcome.failure or "use https" in outcome.failure
    assert ready.marketo.wire.log == []


def test_the_secret_is_in_no_url(ready: Deployment) -> None:
    """It travels in a body; by Marketo's request log."""
    ready.run()

    assert [one.query for one in ready.marketo.wire.log if "secret" in str(one.query)] == []
    assert any("client_secret=" in one.body for one in ready.marketo.wire.log)
