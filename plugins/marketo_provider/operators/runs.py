"""From a task's context to a `Run` of the sync, and from the core's errors to what Airflow does about them."""

import secrets
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException
from pydantic import ValidationError

from marketo_provider.clock import SystemClock
from marketo_provider.errors import InvalidExport, MarketoProviderError, NothingToDo, StopAndAsk, TryAgain
from marketo_provider.exports import CohortExport
from marketo_provider.hooks.marketo import MarketoHook
from marketo_provider.hooks.mixpanel import MixpanelHook
from marketo_provider.hooks.state import provider_settings, state_store
from marketo_provider.run_parameters import COUNTS_ONCE, RunParameters
from marketo_provider.sync.run import Run, logger
from marketo_provider.wording import explain, shown

_PACKAGE = "marketo_provider/"


@contextmanager
def airflow_errors() -> Iterator[None]:
    """Let Airflow repeat what a retry may cure, fail what it cannot, and skip where there is nothing to do."""
    try:
        yield
    except StopAndAsk as error:
        raise AirflowFailException(str(error)) from None
    except TryAgain as error:
        raise AirflowException(str(error)) from None
    except NothingToDo as error:
        raise AirflowSkipException(str(error)) from None
    except MarketoProviderError:
        raise
    except Exception as error:
        if type(error).__module__.startswith("airflow."):
            raise
        raise AirflowException(_unforeseen(error)) from None


def make_run(
    export: Mapping[str, object],
    parameters: Mapping[str, object] | None,
    context: Context,
    *,
    patience_seconds: float = 600.0,
) -> Run:
    """Return the run that a task is to carry out.

    :param export: the export's keys, as they stand in its YAML.
    :param parameters: the run parameters; without them those of the DAG run that have their names.
    :param context: the task's context.
    :param patience_seconds: how long a call that only reads is repeated while Marketo does not answer.
    :raises InvalidExport: a key is wrong.
    :raises InvalidSetting: a run parameter, a setting or a Connection is wrong.
    """
    declared = _parse_export(export)
    if parameters is None:
        parameters = _asked(context)
    settings = provider_settings()
    marketo, mixpanel = MarketoHook(declared.marketo_conn_id), MixpanelHook(declared.mixpanel_conn_id)
    return Run(
        export=declared,
        parameters=RunParameters.parse(parameters, sync_type=declared.sync_type),
        settings=settings,
        limits=marketo.get_settings(),
        marketo=marketo.get_conn(patience_seconds=patience_seconds),
        mixpanel=mixpanel.get_conn(),
        store=state_store(settings),
        clock=SystemClock(),
        run_id=_run_id(context),
        holder=f"{_run_id(context)}/{context['ti'].try_number}/{secrets.token_hex(8)}",
    )


def _asked(context: Context) -> dict[str, Any]:
    """Return the run parameters of the DAG run; what lets a change through counts until the run is cleared."""
    asked = {name: value for name, value in context["params"].items() if name in RunParameters.model_fields}
    if not context["dag_run"].clear_number:
        return asked
    if spent := sorted(name for name in COUNTS_ONCE if asked.get(name)):
        logger.warning("The run was cleared, so %s is not counted again. Trigger a new run.", ", ".join(spent))
    return {name: value for name, value in asked.items() if name not in COUNTS_ONCE}


def _unforeseen(error: Exception) -> str:
    """Say where a fault of the provider's own lies; what the libraries say of it may quote an address."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _PACKAGE in frame.filename]
    lines = ", ".join(f"{frame.filename.rpartition(_PACKAGE)[2]}:{frame.lineno}" for frame in frames)
    return (
        f"The provider met an error that it did not foresee: {type(error).__name__}, by way of {lines}. "
        "Its text is not shown, since it may quote an address. The next try goes on from what is recorded. If it "
        "comes again, report this line to the maintainers of this provider."
    )


def _run_id(context: Context) -> str:
    instance: Any = context["ti"]
    mapped = f"/{instance.map_index}" if instance.map_index is not None and instance.map_index >= 0 else ""
    return f"{instance.dag_id}/{instance.run_id}{mapped}"


def _parse_export(export: Mapping[str, object]) -> CohortExport:
    try:
        return CohortExport.model_validate(dict(export))
    except ValidationError as error:
        faults = [
            explain(details, CohortExport) for details in error.errors(include_url=False, include_input=False)
        ]
    raise InvalidExport(
        " ".join(f"Export key {shown(fault.path[0])}: {fault.message}. {fault.remedy}" for fault in faults)
    )
