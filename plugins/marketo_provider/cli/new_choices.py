"""What the command `new` lets a person choose from: Connections, cohorts, fields."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from marketo_provider.cli.questions import answer, plain, tell
from marketo_provider.errors import CohortUnusable
from marketo_provider.marketo.client import Field
from marketo_provider.marketo.models import NewField
from marketo_provider.mixpanel.client import Cohort
from marketo_provider.sync.new_field import NewFields, new_field, propose_display_name, propose_name

if TYPE_CHECKING:  # it needs Airflow
    from marketo_provider.hooks.setting_up import Instance

Opened = TypeVar("Opened")

_CREATE = "+"


def choose_connection(given: str | None, conn_type: str, open_connection: Callable[[str], Opened]) -> Opened:
    """Return what is opened by the Connection that is chosen, of those that Airflow knows."""
    from marketo_provider.hooks.known_connections import known_connections  # noqa: PLC0415 - needs Airflow

    default = f"{conn_type}_default"
    if given is None:
        known = known_connections(conn_type)
        tell(f"Connections of the type {conn_type}: {', '.join(known.ids) or 'none that Airflow lists'}")
        if not known.with_database:
            tell("Airflow's database cannot be read from here; Connections in it are not listed.")
        default = known.ids[0] if len(known.ids) == 1 else default

    question, option = f"Connection of the type {conn_type}", f"--{conn_type}-conn-id"
    return answer(question, option=option, given=given, read=open_connection, default=default)


def choose_cohort(given: str | None, cohorts: list[Cohort]) -> Cohort:
    """Return the cohort that is chosen."""

    def read(text: str) -> Cohort:
        found = [cohort for cohort in cohorts if str(cohort.cohort_id) == text]
        found = found or [cohort for cohort in cohorts if text and text.lower() in cohort.name.lower()]
        if len(found) == 1:
            return found[0]
        raise CohortUnusable(
            f"{len(found)} of the project's {len(cohorts)} cohorts have this number, or a name like this. Give "
            "the number, as it stands in the address of the cohort's page."
        )

    if given is None:
        tell("Cohorts:")
        for cohort in cohorts:
            size = "size unknown" if cohort.count is None else f"{cohort.count:,} profiles"
            tell(f"{cohort.cohort_id:>12}  {plain(cohort.name)}  ({size})")
    return answer("Cohort (its number, or a part of its name)", option="--cohort", given=given, read=read)


def choose_field(
    given: str | None, created: str | None, instance: "Instance", cohort: Cohort, *, label: str
) -> Field | NewField:
    """Return the field that is chosen, or the one that is to be created.

    Args:
        given: its REST API name, from the command line.
        created: the display name of a field that is to be created, from the command line.
        instance: where the fields are.
        cohort: whose members the field is to mark.
        label: how messages name the export.
    """

    def read(text: str) -> Field | NewFields:
        return NewFields(instance.client) if text == _CREATE else instance.fields.check(text, label)

    if created is None and given is None:
        tell("Boolean fields:")
        for candidate in instance.fields.candidates():
            owner = f"  taken by {candidate.owner}" if candidate.owner else ""
            tell(f"  {candidate.field.name}  ({plain(candidate.field.display_name)}){owner}")
    chosen = answer(
        f"Field (its REST API name, or {_CREATE} to have one created)",
        option="--field or --create-field",
        given=given if created is None else _CREATE,
        read=read,
    )
    if isinstance(chosen, NewFields):
        return _name_new_field(given, created, chosen, instance, cohort, label=label)
    return chosen


def _name_new_field(  # noqa: PLR0913 - as above
    given: str | None, created: str | None, may: NewFields, instance: "Instance", cohort: Cohort, *, label: str
) -> NewField:
    def read_display_name(text: str) -> str:
        may.check_display_name(text)
        return text

    def read_name(text: str) -> str:
        may.check_name(text)
        instance.fields.check_free(text, label)
        return text

    display_name = answer(
        "Display name of the new field",
        option="--create-field",
        given=created,
        read=read_display_name,
        default=propose_display_name(cohort.name),
    )
    name = answer(
        "Its REST API name", option="--field", given=given, read=read_name, default=propose_name(display_name)
    )
    return new_field(name, display_name, cohort.cohort_id)
