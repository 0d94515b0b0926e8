"""The state commands about one address: who, erase, readmit. It is read from the terminal or from standard input.

Never from the command line, whose arguments show in process lists and in the shell's history; nor is it printed.
"""

import argparse
import sys
import time

from marketo_provider.cli.targets import (
    lease_of,
    open_log,
    open_store,
    open_work,
    say,
    target_folder,
    target_names,
)
from marketo_provider.errors import InvalidSetting, MarketoProviderError
from marketo_provider.settings import ProviderSettings
from marketo_provider.state.files import remove_leftovers
from marketo_provider.state.store import Store
from marketo_provider.state.suppression import SuppressionList
from marketo_provider.state.workspace import Workspace
from marketo_provider.sync.address import Unusable, read_address
from marketo_provider.sync.erase import Erased, Erasure
from marketo_provider.sync.who import says, trace_address

# What is younger may still be being written.
_LEFTOVER_SECONDS = 3600.0
_LONGEST_LINE = 1000


def who(arguments: argparse.Namespace) -> int:
    """Print what happened to an address, by run."""
    store, settings = open_store()
    folders = [target_folder(arguments.target)] if arguments.target else target_names(store)
    address = _ask_address()
    if address in SuppressionList(store):
        say("erased: not exported, until `state readmit`")
    for folder in folders:
        with Workspace(store, memory_limit=settings.memory_limit) as workspace:
            trace = trace_address(open_log(store, folder), address, workspace)
        say(folder.removeprefix("marketo/"))
        for event in trace.events:
            say(f"  {event.at:%Y-%m-%d %H:%M:%S} UTC  {event.run}  {event.what}")
        say(f"  ledger     {says(trace.row) if trace.row else 'nothing is known'}")
        if trace.in_snapshot is not None:
            say(f"  cohort     {'in' if trace.in_snapshot else 'not in'} the last snapshot")
    return 0


def erase(arguments: argparse.Namespace) -> int:
    """Erase an address from all targets, or from one."""
    store, settings = open_store()
    folders = [target_folder(arguments.target)] if arguments.target else target_names(store)
    address = _ask_address()
    status = 0
    for folder in folders:
        name = folder.removeprefix("marketo/")
        try:
            erased = _erase(store, settings, folder, arguments.marketo_conn_id, address)
        except MarketoProviderError as error:
            print(f"{name}: not erased. {error}", file=sys.stderr)  # noqa: T201 - a command says what went wrong
            status = 1
        else:
            say(f"{name}: {_outcome(erased)}")
    remove_leftovers(store, time.time() - _LEFTOVER_SECONDS)
    return status


def readmit(_: argparse.Namespace) -> int:
    """Let an address that was erased be exported again."""
    store, _settings = open_store()
    if SuppressionList(store).remove(_ask_address()):
        say("may be exported again: who is in a cohort enters with the next snapshot")
        return 0
    say("was not erased from this store")
    return 1


def _erase(store: Store, settings: ProviderSettings, folder: str, conn_id: str, address: str) -> Erased:
    lease = lease_of(open_log(store, folder), settings)
    with Workspace(store, memory_limit=settings.memory_limit) as workspace:
        erasure = Erasure(
            lease,
            address,
            workspace,
            open_work=lambda: open_work(store, settings, folder, conn_id, command="erase"),
        )
        return erasure.carry_out()


def _outcome(erased: Erased) -> str:
    if not erased.files:
        return "nothing to erase"
    parts = [f"erased from {erased.files} files"]
    if erased.set_false:
        parts.append("the lead is set False")
    if erased.may_hold:
        parts.append("no export owns the field, so the lead was not set False: look at it in Marketo")
    return "; ".join(parts)


def _ask_address() -> str:
    """Read the address from standard input.

    Raises:
        InvalidSetting: it is none.
    """
    if sys.stdin.isatty():
        print("Address: ", end="", file=sys.stderr, flush=True)  # noqa: T201 - a prompt
    try:
        address = read_address(sys.stdin.readline(_LONGEST_LINE))
    except UnicodeDecodeError:
        address = Unusable.INVALID_EMAIL
    if isinstance(address, Unusable):
        raise InvalidSetting("This is no address. Type one, or give one line by standard input.")
    return address
