"""The verdict: each lead's field against the cohort, once all is over."""

from tests.torture.by_hand import Marks
from tests.torture.work import Keys
from tests.torture.world import World


def judge(world: World, marks: Marks) -> list[str]:
    """Return what is wrong with Marketo's leads, in words."""
    wrong = list(world.witness.violations)
    for number, export in enumerate(world.exports):
        one_time = export.sync_type == "one_time"
        members = world.witness.own.get(export.marketo_field) if one_time else world.members(export.cohort_id)
        if members is None:
            wrong.append(f"{export.name} has never delivered anything")
        else:
            wrong += _field(world, marks, number, members)
    return wrong


def _field(world: World, marks: Marks, number: int, members: Keys) -> list[str]:
    export, witness = world.exports[number], world.witness
    name, wrong = export.marketo_field, []
    one_time = export.sync_type == "one_time"
    # A one-time export ends with what was refused in its report, and is not repeated.
    excused = witness.refused[name] if one_time else set()
    reached = set()
    for lead in world.marketo.instance.leads:
        email = str(lead.values["email"]).lower()
        flag = bool(lead.values.get(name))
        reached.add(email)
        finished_at = witness.finished_at.get(name)
        later = bool(finished_at and lead.created_at > finished_at)
        # That a lead was removed, and another export made it anew, an export sees when it next asks for it.
        unseen = lead.lead_id in marks.touched or email in witness.unnoticed[name]
        overlooked = unseen or (one_time and (email in excused or later))
        if email in members and not flag and not overlooked:
            wrong.append(f"{email} (lead {lead.lead_id}) is a member, and {name} is not True")
        if flag and not witness.addresses[lead.lead_id] & members and lead.lead_id not in marks.unknowable:
            wrong.append(f"{email} (lead {lead.lead_id}) is no member, and {name} is True")
    if export.create_leads:
        missing = members - reached - witness.removed[name] - excused
        wrong += [f"{email} is a member, and there is no such lead" for email in sorted(missing)]
    return wrong
