"""The state commands that look after the store: verify, repair, retire."""

import argparse

from marketo_provider.cli.questions import confirm
from marketo_provider.cli.targets import (
    open_store,
    open_work,
    say,
    target_folder,
    target_names,
)
from marketo_provider.clock import SystemClock
from marketo_provider.errors import StoreUnusable
from marketo_provider.state import instance, slots
from marketo_provider.state.store import Store
from marketo_provider.state.suppression import KEY, SuppressionList
from marketo_provider.state.verify import Problem, verify_log, verify_target
from marketo_provider.state.workspace import Workspace
from marketo_provider.sync.repair import repair_target
from marketo_provider.sync.retire import retire_target


def verify(arguments: argparse.Namespace) -> int:
    """Print what is wrong with the store, or with one target."""
    store, settings = open_store()
    folders = [target_folder(arguments.target)] if arguments.target else target_names(store)
    problems = [] if arguments.target else [*_shared_logs(store), *_suppression_list(store)]
    with Workspace(store, memory_limit=settings.memory_limit) as workspace:
        for folder in folders:
            if not store.names(f"{folder}/log"):
                raise StoreUnusable(f"There is no target {folder.removeprefix('marketo/')}; see `state show`.")
            problems += verify_target(store, folder, clock=SystemClock(), workspace=workspace)
    for problem in problems:
        say(str(problem))
    say(f"targets: {len(folders)}, problems: {len(problems)}")
    return 1 if problems else 0


def _shared_logs(store: Store) -> list[Problem]:
    problems = []
    for host in store.names("marketo"):
        problems += verify_log(store, f"marketo/{host}", instance.decode_record)
    for project in store.names("mixpanel"):
        problems += verify_log(store, f"mixpanel/{project}", slots.decode_record)
    return problems


def _suppression_list(store: Store) -> list[Problem]:
    try:
        SuppressionList(store)
    except StoreUnusable:
        return [Problem(KEY, "is missing or damaged: nobody can tell who was erased, and no cohort is read")]
    return []


def repair(arguments: argparse.Namespace) -> int:
    """Rebuild a target's ledger from Marketo."""
    store, settings = open_store()
    folder = target_folder(arguments.target)
    repaired = repair_target(open_work(store, settings, folder, arguments.marketo_conn_id, command="repair"))
    for path in repaired.unreadable:
        say(f"{path}: could not be read; what only this file knew is lost")
    say(
        f"{arguments.target}: looked {repaired.addresses:,} addresses up; {repaired.holding:,} hold True, or may. "
        "The next run sends what differs from the cohort"
    )
    return 0


def retire(arguments: argparse.Namespace) -> int:
    """Set every lead False that a target holds True, and close it."""
    store, settings = open_store()
    work = open_work(store, settings, target_folder(arguments.target), arguments.marketo_conn_id, command="retire")
    question = f"Every lead that {arguments.target} holds True becomes False for good."
    confirm(question, option="--yes", given=arguments.yes)
    report = retire_target(work)
    say(
        f"{arguments.target}: retired; set {report.set_false:,} False, {report.not_in_marketo:,} were not in "
        "Marketo any more. No export writes to the field; `state release` frees it"
    )
    return 0
