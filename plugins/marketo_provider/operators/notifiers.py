"""From what an export's YAML says of a notifier to Airflow's own."""

import re
from collections.abc import Iterator
from pkgutil import resolve_name
from typing import Final

from airflow.sdk import BaseNotifier

from marketo_provider.errors import InvalidExport
from marketo_provider.exports import CohortExport
from marketo_provider.notify import Notifier
from marketo_provider.wording import Fault

_ALL_THE_SAME: Final = "The export runs all the same; this notifier tells nothing."
_ARGUMENT: Final = re.compile(r"unexpected keyword argument '(\w+)'")
_MISSING: Final = re.compile(r"missing \d+ required .*arguments?: (.+)")


def make_notifier(declared: Notifier) -> BaseNotifier:
    """Return the notifier that an export declares.

    :param declared: what the YAML says.
    :raises InvalidExport: there is no such class, or it does not take the arguments.
    """
    made = _make(declared)
    if isinstance(made, Fault):
        raise InvalidExport(f"notify: {declared.notifier}: {made.message}. {made.remedy}")
    return made


def notifier_faults(export: CohortExport) -> Iterator[Fault]:
    """Yield what is wrong with an export's notifiers, which shows only where Airflow is installed.

    :param export: the export, which can run all the same.
    """
    for index, declared in enumerate(export.notify):
        made = _make(declared)
        if isinstance(made, Fault):
            yield Fault(("notify", index, *made.path), made.message, made.remedy)


def _make(declared: Notifier) -> BaseNotifier | Fault:
    """Return the notifier, or what is wrong; what its class says of that may quote a secret and is not shown."""
    try:
        kind = resolve_name(declared.notifier)
    except Exception as error:  # noqa: BLE001 - somebody else's module may raise anything
        message = f"cannot be imported ({type(error).__name__})"
        remedy = "Correct the name, or install its distribution where DAGs are read and where tasks run."
        return Fault(("notifier",), message, f"{remedy} {_ALL_THE_SAME}")
    if not (isinstance(kind, type) and issubclass(kind, BaseNotifier)):
        remedy = "Name a class such as airflow.providers.smtp.notifications.smtp.SmtpNotifier."
        return Fault(("notifier",), "is no class of Airflow notifiers", f"{remedy} {_ALL_THE_SAME}")
    try:
        return kind(**declared.arguments)
    except Exception as error:  # noqa: BLE001 - as above
        return Fault(("arguments",), _refusal(error), f"Its documentation lists them. {_ALL_THE_SAME}")


def _refusal(error: Exception) -> str:
    """Return why a class refuses its arguments: their names only, as Python itself gives them."""
    text = str(error) if isinstance(error, TypeError) else ""
    if found := _ARGUMENT.search(text):
        return f"{found[1]} is no argument of it"
    if found := _MISSING.search(text):
        return f"it needs {found[1].replace(chr(39), '')}"
    return f"are not what it takes ({type(error).__name__})"
