"""Whether the demo came out right: the reports' numbers, every flag in Marketo, and every request that was sent.

Each function returns what is wrong, in words without addresses.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence

from include.demo.runs import Chapter
from include.demo.sandbox import Lead, Value

SYNC_LEADS = "/rest/v1/leads.json"


def judge_reports(chapters: Iterable[Chapter]) -> list[str]:
    """Compare what the runs reported with what they were to do."""
    faults = []
    for chapter in chapters:
        last = chapter.reports[-1]
        sums = Counter[str]()
        for report in chapter.reports:
            sums.update(report.model_dump(include=_SUMMED))
        entered, exited = len(chapter.entered), len(chapter.exited)
        expected = {
            "profiles": (last.profiles, chapter.cohort.profiles),
            "without e-mail": (last.without_email, chapter.cohort.without_email),
            "invalid": (last.invalid_email, chapter.cohort.invalid_email),
            "duplicate": (last.duplicate_email, chapter.cohort.duplicate_email),
            "members": (last.members, len(chapter.cohort.members)),
            "entered": (sums["entered"], entered),
            "exited": (sums["exited"], exited),
            "set True": (sums["set_true"], entered),
            "set False": (sums["set_false"], exited),
            "created": (sums["created"], len(chapter.entered - chapter.known)),
            "refused": (sums["refused"], 0),
            "left over": (last.left_over, 0),
        }
        faults += [
            f"{chapter.export.name}: the report says {name} {reported:,}, and it is {real:,}."
            for name, (reported, real) in expected.items()
            if reported != real
        ]
    return faults


_SUMMED = {"entered", "exited", "set_true", "set_false", "created", "refused"}


def judge_leads(chapters: Sequence[Chapter], before: Iterable[Lead], after: Sequence[Lead]) -> list[str]:
    """Compare every lead in Marketo, `after` the runs and `before` them, with who is in the cohorts."""
    first = {lead.lead_id: lead for lead in before}
    faults = Counter[str]()
    fields = {chapter.export.field for chapter in chapters}
    for field in fields:
        mine = [chapter for chapter in chapters if chapter.export.field == field]
        members = mine[-1].cohort.members
        left = frozenset[str]().union(*(chapter.exited for chapter in mine)) - members
        for lead in after:
            value = lead.values.get(field)
            was = first[lead.lead_id].values.get(field) if lead.lead_id in first else None
            right: Value = True if lead.key in members else False if lead.key in left else was
            if value is not right:
                faults[f"hold {value} in {field} and should hold {right}"] += 1
    for lead in after:
        if lead.values.keys() - fields - (first[lead.lead_id].values.keys() if lead.lead_id in first else set()):
            faults["have a value in a field that is no export's"] += 1
    texts = [f"{count:,} leads {what}." for what, count in sorted(faults.items())]
    return texts + _judge_number(chapters, first, after)


def _judge_number(chapters: Sequence[Chapter], first: dict[int, Lead], after: Sequence[Lead]) -> list[str]:
    known, ever = {lead.key for lead in first.values()}, {key for one in chapters for key in one.entered}
    new = Counter(lead.key for lead in after if lead.lead_id not in first)
    wanted = ever - known
    faults = {
        "members have no lead": len(wanted - new.keys()),
        "new leads are of nobody who was to be created": len(new.keys() - wanted),
        "addresses got more than one new lead": sum(count > 1 for count in new.values()),
        "leads are gone": len(first.keys() - {lead.lead_id for lead in after}),
    }
    return [f"{count:,} {what}." for what, count in faults.items() if count]


def judge_calls(chapters: Iterable[Chapter]) -> list[str]:
    """See that nothing but an address or an id and the field was sent, and a one-time field never False."""
    return [fault for chapter in chapters for fault in _judge_chapter(chapter)]


def _judge_chapter(chapter: Chapter) -> list[str]:
    field, name = chapter.export.field, chapter.export.name
    shapes = {frozenset({key, field}) for key in ("email", "id")}
    faults = Counter[str]()
    for call in chapter.calls:
        if "client_secret" in call.query or "access_token" in call.query:
            faults["calls have a secret in their URL"] += 1
        if call.method == "GET" or call.query.get("_method") == "GET":
            continue
        if (call.method, call.path) != ("POST", SYNC_LEADS):
            faults["calls write something else than leads"] += 1
            continue
        for record in json.loads(call.body)["input"]:
            if frozenset(record) not in shapes:
                faults["records have other keys than an address or an id and the field"] += 1
            elif record[field] is not True and chapter.export.sync_type == "one_time":
                faults["records set the field of a one-time export to something else than True"] += 1
    leads = sum(call.path == SYNC_LEADS for call in chapter.calls)
    reported = sum(report.api_calls for report in chapter.reports)
    if not leads <= reported <= len(chapter.calls):
        faults[f"API calls are reported; Marketo got {len(chapter.calls)}, {leads} of them about leads"] = reported
    return [f"{name}: {count:,} {what}." for what, count in sorted(faults.items())]
