"""A schedule: everything that a seed decides before the world begins to turn."""

from dataclasses import dataclass
from random import Random
from typing import Any, Literal

from tests.torture import kinds
from tests.torture.process import Fault

PEOPLE = 30
How = Literal["one", "runs_overlap", "exports_overlap", "tries_overlap"]
_MANY = ("store", "clock")


@dataclass(frozen=True, slots=True)
class Export:
    """An export, as it is declared, and the way that its entries go."""

    sync_type: Literal["dynamic", "one_time"]
    route: Literal["sync_leads", "bulk_import"] | None
    options: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Round:
    """One or two runs at a time, and what happens before them."""

    how: How
    export: int
    cohorts: tuple[tuple[int, ...], ...]
    by_hand: tuple[str, ...]
    job: str
    field: str
    faults: tuple[tuple[Fault, ...], tuple[Fault, ...]]
    parameters: dict[str, Any]
    pause: float


@dataclass(frozen=True, slots=True)
class Schedule:
    """What is to happen; `jobs_queued` to `latest_job` are how this world is made."""

    seed: int
    exports: tuple[Export, ...]
    rounds: tuple[Round, ...]
    known: tuple[int, ...]
    doubled: tuple[int, ...]
    records: int
    page_size: int
    file_rows: int
    jobs_queued: int
    patience: int
    latest_job: float
    wait: float

    @classmethod
    def draw(cls, seed: int) -> "Schedule":
        """Return the schedule of a seed."""
        random = Random(f"schedule {seed}")  # noqa: S311 - repeatable on purpose
        exports = tuple(_export(random) for _ in range(1 if random.random() < 0.6 else 2))
        bulk = any(export.route != "sync_leads" for export in exports)
        people = range(PEOPLE)
        cohorts = [random.sample(people, random.randint(6, 16)) for _ in exports]
        if len(cohorts) > 1:
            # New addresses in common, which both may create at the same moment.
            cohorts[1] = sorted({*cohorts[1], *random.sample(cohorts[0], 5)})
        rounds = []
        for number in range(random.randint(2, 4)):
            if number:
                cohorts = [_moved(random, cohort) for cohort in cohorts]
            rounds.append(_round(random, seed, number, exports, cohorts, bulk=bulk))
        unanswered = any(
            fault.kind in {"upload_unanswered", "killed_in_write"} or fault.place.startswith("marketo.upload")
            for one in rounds
            for faults in one.faults
            for fault in faults
        )
        return cls(
            seed=seed,
            exports=exports,
            rounds=tuple(rounds),
            known=tuple(random.sample(people, random.randint(0, 20))),
            doubled=tuple(random.sample(rounds[0].cohorts[0] or people, random.choice((0, 0, 2, 4)))),
            records=random.randint(2, 7),
            page_size=random.randint(3, 6),
            file_rows=random.randint(2, 6),
            jobs_queued=random.randint(1, 5),
            patience=random.choice((2, 3, 5, 10)),
            # Of an upload without an answer others wait half an hour only: a small, stated risk.
            latest_job=1200.0 if unanswered else 3 * 3600.0,
            wait=random.choice((600.0, 3 * 3600.0, 25 * 3600.0)),
        )


def _export(random: Random) -> Export:
    options: dict[str, Any] = {}
    if random.random() < 0.12:
        options["create_leads"] = False
    if random.random() < 0.1:
        options["max_changes_per_run"] = random.randint(3, 8)
    options["max_drift_share"] = random.choice((0.05, 1.0))
    one_time = random.random() < 0.2
    route: Literal["sync_leads", "bulk_import"] | None = random.choice(
        (None, "sync_leads", "bulk_import", "bulk_import")
    )
    return Export("one_time" if one_time else "dynamic", route, options)


def _moved(random: Random, cohort: list[int]) -> list[int]:
    others = [person for person in range(PEOPLE) if person not in cohort]
    left = random.sample(cohort, random.randint(0, len(cohort) // 3))
    came = random.sample(others, min(len(others), random.randint(0, 6)))
    return sorted({*cohort, *came} - set(left))


def _round(  # noqa: PLR0913 - all that it depends on
    random: Random, seed: int, number: int, exports: tuple[Export, ...], cohorts: list[list[int]], *, bulk: bool
) -> Round:
    how: How = "one"
    if len(exports) > 1 and random.random() < 0.6:
        how = "exports_overlap"
    elif random.random() < 0.4:
        how = random.choice(("runs_overlap", "tries_overlap"))
    shown = [tuple(cohort) for cohort in cohorts]
    if number and random.random() < 0.06:
        shown[random.randrange(len(shown))] = ()
    parameters: dict[str, Any] = {}
    if number and random.random() < 0.15:
        parameters["full_refresh"] = True
    elif random.random() < 0.1:
        parameters["retry_refused"] = True
    faults = [_faults(random, seed, number, bulk=bulk, stalls=how != "one") for _ in range(2)]
    return Round(
        how=how,
        export=random.randrange(len(exports)),
        cohorts=tuple(shown),
        by_hand=tuple(kind for kind in kinds.BY_HAND if number and random.random() < 0.2),
        job=_job(random, faults[0]) if bulk else "",
        field=random.choice(kinds.FIELD) if random.random() < 0.07 else "",
        faults=(faults[0], faults[1]),
        parameters=parameters,
        pause=random.choice((60.0, 600.0, 7200.0, 90_000.0)),
    )


def _job(random: Random, faults: tuple[Fault, ...]) -> str:
    if any((fault.kind, fault.place) == ("code_610", "marketo.status") for fault in faults):
        # That a job is not there is said of one that is.
        return random.choice(("job_late", "job_slow"))
    return random.choice((*kinds.JOBS, "job_stuck", "", ""))


def _faults(random: Random, seed: int, number: int, *, bulk: bool, stalls: bool) -> tuple[Fault, ...]:
    every = list(kinds.PLANNED)
    chosen = [random.choice(_group(random)) for _ in range(random.choice((0, 1, 1, 2, 2, 3, 4)))]
    if stalls:
        chosen.append(random.choice(("stalled_at_store", "stalled_at_call", "stalled_in_pause", "late_effect")))
    faults = []
    for kind in chosen:
        places = [place for place in kinds.PLANNED[kind] if bulk or place not in kinds.OF_IMPORTS]
        if places:
            place = random.choice(places)
            most = 25 if place.startswith(_MANY) else 4
            faults.append(Fault(kind, place, random.choice((0, random.randint(0, most), random.randint(0, most)))))
    faults += _together(random, bulk=bulk)
    # Each kind has its turn, at the first chance.
    kind = every[(seed * 5 + number) % len(every)]
    return Fault(kind, random.choice(kinds.PLANNED[kind])), *faults


def _together(random: Random, *, bulk: bool) -> list[Fault]:
    """Return faults that tell little alone: a run must stop while a request may land; or are of rare calls."""
    found = []
    if random.random() < 0.1:
        skip = random.randint(0, 3)
        found += [Fault("late_effect", "marketo.sync", skip), Fault("code_603", "marketo.sync", skip)]
    if bulk and random.random() < 0.1:
        found.append(Fault("code_610", "marketo.status"))
    if bulk and random.random() < 0.2:
        found.append(Fault("failures_cut", "marketo.failures"))
    return found


def _group(random: Random) -> list[str]:
    wire = [kind for kind in kinds.WIRE if not kind.startswith("code_")]
    codes = [kind for kind in kinds.WIRE if kind.startswith("code_")]
    return random.choice((wire, wire, codes, [*kinds.STORE], [*kinds.PROCESS], [*kinds.PROCESS]))
