"""`state`: looks at a target, prints a run's change list, adopts leads that hold True, looks after the store.

A target is named as it lies in the store: `<REST host>/<field>`. It needs Airflow, whose configuration says
where the store is.
"""

import argparse
import sys

from marketo_provider.cli import person, upkeep
from marketo_provider.cli.subcommands import Subparsers
from marketo_provider.cli.targets import lease_of, open_log, open_store, say, target_folder, target_names
from marketo_provider.clock import SystemClock
from marketo_provider.errors import StoreUnusable
from marketo_provider.state.log import TargetLog
from marketo_provider.state.records import Intended
from marketo_provider.state.store import Store
from marketo_provider.sync.adopt import adopt_leads, release_target
from marketo_provider.sync.report import Report


def add_parser(subparsers: Subparsers) -> None:
    """Register the command and its own."""
    parser = subparsers.add_parser("state", help="look at the state store, and after it")
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
    verify = actions.add_parser("verify", help="name every file of the store that is missing or damaged")
    verify.add_argument("target", nargs="?", metavar="HOST/FIELD")
    verify.set_defaults(run=upkeep.verify)
    repair = actions.add_parser("repair", help="rebuild what is known of a field by asking Marketo")
    repair.add_argument("target", metavar="HOST/FIELD")
    _add_connection(repair)
    repair.set_defaults(run=upkeep.repair)
    retire = actions.add_parser("retire", help="set every lead False that a field holds True, and give it up")
    retire.add_argument("target", metavar="HOST/FIELD")
    retire.add_argument("--yes", action="store_true", help="do not ask first")
    _add_connection(retire)
    retire.set_defaults(run=upkeep.retire)
    who = actions.add_parser("who", help="tell what happened to an address, which is read from standard input")
    who.add_argument("target", nargs="?", metavar="HOST/FIELD")
    who.set_defaults(run=person.who)
    erase = actions.add_parser("erase", help="remove an address, which is read from standard input, everywhere")
    erase.add_argument("target", nargs="?", metavar="HOST/FIELD")
    _add_connection(erase)
    erase.set_defaults(run=person.erase)
    readmit = actions.add_parser(
        "readmit", help="let an erased address, read from standard input, be exported again"
    )
    readmit.set_defaults(run=person.readmit)


def _add_connection(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--marketo-conn-id", default="marketo_default", metavar="ID", help="Airflow Connection of the instance"
    )


def _show(arguments: argparse.Namespace) -> int:
    store, _ = open_store()
    targets = [target_folder(arguments.target)] if arguments.target else target_names(store)
    for target in targets:
        _print_target(open_log(store, target), target)
    if not targets:
        say("no targets: no export has run yet")
    return 0


def _changes(arguments: argparse.Namespace) -> int:
    store, _ = open_store()
    log = open_log(store, target_folder(arguments.target))
    # A run is known by Airflow's id; records hold it behind the DAG's.
    announced = [
        record
        for _, record in log.records(1)
        if isinstance(record, Intended) and record.run_id.endswith(f"/{arguments.run_id}")
    ]
    if not announced:
        raise StoreUnusable(
            f"No run {arguments.run_id} has announced changes of {arguments.target}. Take the run's id from "
            "Airflow; a run that had nothing to send has announced none."
        )
    for place, record in enumerate(announced):
        header, *changes = _list(store, record).splitlines(keepends=True)
        sys.stdout.writelines(changes if place else [header, *changes])
    return 0


def _list(store: Store, record: Intended) -> str:
    try:
        return store.read(record.change_list).decode()
    except FileNotFoundError:
        raise StoreUnusable(
            f"The change list of {record.run_id} is not kept any more. Where [marketo_provider] keep_runs_days is "
            "more, later ones are kept for longer."
        ) from None


def _adopt(arguments: argparse.Namespace) -> int:
    store, settings = open_store()
    target = target_folder(arguments.target)
    lease = lease_of(TargetLog(store, target, SystemClock()), settings)
    with arguments.file as source:
        count = adopt_leads(lease, source, memory_limit=settings.memory_limit)
    say(f"{arguments.target}: adopted {count:,}; the next run sets False those who are not in the cohort")
    return 0


def _release(arguments: argparse.Namespace) -> int:
    store, settings = open_store()
    release_target(lease_of(open_log(store, target_folder(arguments.target)), settings))
    say(f"{arguments.target}: free. Leads keep their flags; the next export of this field is asked to adopt them")
    return 0


def _print_target(log: TargetLog, target: str) -> None:
    state = log.target
    say(target.removeprefix("marketo/"))
    if claim := state.claim:
        say(f"  export     {claim.export} ({claim.sync_type})")
        say(f"  cohort     {claim.cohort_id} of project {claim.project_id}")
        say(f"  claimed    {claim.claimed_at:%Y-%m-%d %H:%M} UTC")
        if claim.finished_at:
            say(f"  finished   {claim.finished_at:%Y-%m-%d %H:%M} UTC")
        if claim.retired_at:
            rest = "" if state.closed else "; not all leads are False yet, run `state retire` again"
            say(f"  retired    {claim.retired_at:%Y-%m-%d %H:%M} UTC{rest}")
    else:
        say(f"  export     none: the field is free{', leads are adopted' if state.deltas else ''}")
    if settled := state.settled:
        say(f"  settled    {settled.at:%Y-%m-%d %H:%M} UTC by run {settled.run_id}")
        say(f"  report     {Report.stored(settled.report).line()}")
        if settled.failure:
            say(f"  failed     {settled.failure}")
    if state.lease:
        say(f"  at work    {state.lease.holder}, last seen {state.lease.last_at:%Y-%m-%d %H:%M:%S} UTC")
