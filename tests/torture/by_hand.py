"""What people do in Marketo between runs: leads deleted, merged, doubled or readdressed, fields changed."""

from collections.abc import Callable
from dataclasses import dataclass, field

from include.sandbox.marketo_leads import Lead
from tests.torture.schedule import PEOPLE
from tests.torture.world import World, address


@dataclass(slots=True)
class Marks:
    """Leads whose flag nobody can be held to.

    `unknowable`: a lead was given another address, or took a flag over in a merge, before any answer could have
    told its id; an import never tells one. `touched`: whatever a person has made or changed, which is not looked
    at again before it happens to be read back, or a full refresh.
    """

    unknowable: set[int] = field(default_factory=set)
    touched: set[int] = field(default_factory=set)


def interfere(world: World, marks: Marks, kind: str) -> None:
    """Do one thing to a lead or two."""
    leads = list(world.marketo.instance.leads)
    if len(leads) < 2:
        return
    world.witness.by_hand = True
    try:
        _DO[kind](world, marks, world.random.sample(leads, 2))
    finally:
        world.witness.by_hand = False
    world.effects[kind] += 1


def break_field(world: World, number: int, kind: str) -> None:
    """Take an export's field away, or change its type."""
    name = world.exports[number].marketo_field
    if kind == "field_retyped":
        world.make_field(name, "integer")
    else:
        del world.marketo.instance.catalog._fields[name]
    world.broken_field = kind


def mend_fields(world: World) -> None:
    """Give each export its field back."""
    for export in world.exports:
        world.make_field(export.marketo_field, "boolean")
    world.broken_field = ""


def _delete(world: World, _: Marks, leads: list[Lead]) -> None:
    world.witness.removes([leads[0].lead_id])
    world.marketo.instance.leads.delete([leads[0].lead_id])


def _merge(world: World, marks: Marks, leads: list[Lead]) -> None:
    winner, loser = leads
    world.witness.removes([loser.lead_id])
    _mark(world, marks, loser)
    if loser.lead_id in marks.unknowable or any(
        winner.values.get(export.marketo_field) is None and loser.values.get(export.marketo_field)
        for export in world.exports
    ):
        marks.unknowable.add(winner.lead_id)
    marks.touched.add(winner.lead_id)
    world.marketo.instance.leads.merge(winner, [loser])


def _readdress(world: World, marks: Marks, leads: list[Lead]) -> None:
    lead = leads[0]
    world.witness.removes([lead.lead_id])
    _mark(world, marks, lead)
    email = address(world.random.randrange(PEOPLE - 2))
    if world.marketo.instance.leads.find("email", [email]):
        email = f"moved-{lead.lead_id}@example.com"
    world.marketo.instance.leads.update(lead, {"email": email})
    marks.touched.add(lead.lead_id)
    world.witness.addresses[lead.lead_id].add(email)


def _double(world: World, marks: Marks, leads: list[Lead]) -> None:
    double = world.marketo.instance.leads.create({"email": leads[0].values["email"]}, partition="Default")
    marks.touched.add(double.lead_id)


def _mark(world: World, marks: Marks, lead: Lead) -> None:
    for export in world.exports:
        if lead.lead_id not in world.witness.known_true[export.marketo_field]:
            marks.unknowable.add(lead.lead_id)


_DO: dict[str, Callable[[World, Marks, list[Lead]], None]] = {
    "leads_deleted": _delete,
    "leads_merged": _merge,
    "leads_readdressed": _readdress,
    "leads_duplicated": _double,
}
