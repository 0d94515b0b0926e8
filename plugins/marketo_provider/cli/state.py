"""`state`: looks at a target, prints a run's change list, adopts leads that hold True, frees a field.

A target is named as it lies in the store: `<REST host>/<field>`. It needs Airflow, whose configuration says
where the store is.
"""

import argparse
import getpass
import secrets
import sys

from marketo_provider.cli.subcommands import Subparsers
from marketo_provider.clock import SystemClock
from marketo_provider.errors import StoreUnusable
from marketo_provider.marketo.connection import MarketoConnection
from marketo_provider.settings import ProviderSettings
from marketo_provider.state.lease import Lease
from marketo_provider.state.log import TargetLog
from marketo_provider.state.records import Intended
from marketo_provider.state.store import Store
from marketo_provider.sync.adopt import adopt_leads, release_target
from marketo_provider.sync.report import Report


def add_parser(subparsers: Subparsers) -> None:
    """Register the command and its own."""
    parser = subparsers.add_parser("state", help="look at the state store, adopt leads, free a field")
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    show = actions.add_parser("show", help="list the targets, or show one")
    show.add_argument("target", nargs="?", metavar="HOST/FIELD")
    show.set_defaults(run=_show)
    changes = actions.add_parser("changes", help="print the change list of a run, a CSV with addresses")
    changes.add_argument("target", metavar="HOST/FIELD")
    changes.add_argument("run_id", metavar="RUN_ID")
    changes.set_defaults(run=_changes)
    adopt = actions.add_parser("adopt", help="enter the leads of a CSV that hold True already")
    adopt.add_argument("target", metavar="HOST/FIELD")
    adopt.add_argument("file", type=argparse.FileType("r", encoding="utf-8"), metavar="FILE.csv")
    adopt.set_defaults(run=_adopt)
    release = actions.add_parser("release", help="free a field for another export; leads keep their flags")
    release.add_argument("target", metavar="HOST/FIELD")
    release.set_defaults(run=_release)


def _show(arguments: argparse.Namespace) -> int:
    store, _ = _open()
    targets = [_target(arguments.target)] if arguments.target else _targets(store)
    for target in targets:
        _print_target(_log(store, target), target)
    if not targets:
        _say("no targets: no export has run yet")
    return 0


def _changes(arguments: argparse.Namespace) -> int:
    store, _ = _open()
    log = _log(store, _target(arguments.target))
    # A run is known by Airflow's id; records hold it behind the DAG's.
    announced = [
        record
        for _, record in log.records(1)
        if isinstance(record, Intended) and record.run_id.endswith(f"/{arguments.run_id}")
    ]
    if not announced:
        raise StoreUnusable(f"No run {arguments.run_id} has announced changes of {arguments.target}.")
    for place, record in enumerate(announced):
        header, *changes = _list(store, record).splitlines(keepends=True)
        sys.stdout.writelines(changes if place else [header, *changes])
    return 0


def _list(store: Store, record: Intended) -> str:
    try:
        return store.read(record.change_list).decode()
    except FileNotFoundError:
        raise StoreUnusable(
            f"The change list of {record.run_id} is not kept any more ([marketo_provider] keep_runs_days)."
        ) from None


def _adopt(arguments: argparse.Namespace) -> int:
    store, settings = _open()
    target = _target(arguments.target)
    lease = _lease(TargetLog(store, target, SystemClock()), settings)
    with arguments.file as source:
        count = adopt_leads(lease, source)
    _say(f"{arguments.target}: adopted {count:,}; the next run sets False those who are not in the cohort")
    return 0


def _release(arguments: argparse.Namespace) -> int:
    store, settings = _open()
    release_target(_lease(_log(store, _target(arguments.target)), settings))
    _say(f"{arguments.target}: free. Leads keep their flags; the next export of this field is asked to adopt them")
    return 0


def _open() -> tuple[Store, ProviderSettings]:
    from marketo_provider.hooks.state import provider_settings, state_store  # noqa: PLC0415 - needs Airflow

    settings = provider_settings()
    return state_store(settings), settings


def _targets(store: Store) -> list[str]:
    return [
        f"marketo/{host}/{field}"
        for host in store.names("marketo")
        for field in store.names(f"marketo/{host}")
        if field.isidentifier() and store.names(f"marketo/{host}/{field}/log")
    ]


def _target(name: str) -> str:
    host, _, field = name.lower().partition("/")
    if not host or not field.isidentifier():
        raise StoreUnusable(f"{name!r} is no target; write <REST host>/<field>, as `state show` lists them.")
    return f"marketo/{host}/{field}"


def _log(store: Store, target: str) -> TargetLog:
    log = TargetLog(store, target, SystemClock())
    if not log.target.number:
        raise StoreUnusable(f"There is no target {target.removeprefix('marketo/')}; see `state show`.")
    return log


def _lease(log: TargetLog, settings: ProviderSettings) -> Lease:
    return Lease(
        log,
        f"{getpass.getuser()} at the command line/{secrets.token_hex(8)}",
        lease_seconds=settings.lease_seconds,
        replay_after_seconds=MarketoConnection.model_fields["replay_after_seconds"].default,
        clock=SystemClock(),
    )


def _print_target(log: TargetLog, target: str) -> None:
    state = log.target
    _say(target.removeprefix("marketo/"))
    if claim := state.claim:
        _say(f"  export     {claim.export} ({claim.sync_type})")
        _say(f"  cohort     {claim.cohort_id} of project {claim.project_id}")
        _say(f"  claimed    {claim.claimed_at:%Y-%m-%d %H:%M} UTC")
        if claim.finished_at:
            _say(f"  finished   {claim.finished_at:%Y-%m-%d %H:%M} UTC")
    else:
        _say(f"  export     none: the field is free{', leads are adopted' if state.deltas else ''}")
    if settled := state.settled:
        _say(f"  settled    {settled.at:%Y-%m-%d %H:%M} UTC by run {settled.run_id}")
        _say(f"  report     {Report.model_validate(settled.report).line()}")
        if settled.failure:
            _say(f"  failed     {settled.failure}")
    if state.lease:
        _say(f"  at work    {state.lease.holder}, last seen {state.lease.last_at:%Y-%m-%d %H:%M:%S} UTC")


def _say(text: str) -> None:
    print(text)  # noqa: T201 - what a command prints is its result
