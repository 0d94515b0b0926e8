"""The files of a target that may hold addresses: all but its log."""

import contextlib
from collections.abc import Iterator

from marketo_provider.state.store import TEMPORARY, LocalStore, Store, TypedStore

_SUFFIXES = (".parquet", ".csv", ".json")
REFUSED_COLUMNS = ("address", "code", "next_try")
_LEDGER_FOLDERS = frozenset({"adopted", "imports", "intents", "journals", "ledger"})


def files_below(store: Store, folder: str) -> Iterator[str]:
    """Yield the path of every file in a folder and those below it, a log's apart."""
    for name in store.names(folder):
        path = f"{folder}/{name}"
        if name.endswith(_SUFFIXES):
            yield path
        elif name != "log":
            yield from files_below(store, path)


def runs_kept(store: Store, folder: str) -> list[str]:
    """Return the names of those runs of a target whose lists are kept; each is its snapshot's number."""
    return [name for name in store.names(f"{folder}/runs") if name.isdecimal()]


def is_ledger_file(path: str) -> bool:
    """Whether a file holds rows of the ledger's schema."""
    return path.endswith(".parquet") and not _LEDGER_FOLDERS.isdisjoint(path.split("/")[3:-1])


def columns_of_list(path: str) -> tuple[str, ...] | None:
    """Return the columns of a run's list, if the file is one."""
    if is_change_list(path):
        return ("address", "set_to")
    return REFUSED_COLUMNS if path.endswith("/refused.csv") else None


def is_change_list(path: str) -> bool:
    """Whether a file is the list of a run's changes."""
    return path.endswith(".csv") and path.rpartition("/")[2].startswith("changes-")


def is_members_file(path: str) -> bool:
    """Whether a file holds addresses of a snapshot."""
    return path.endswith(("/addresses.parquet", "/shared.parquet"))


def remove_leftovers(store: Store, older_than: float) -> None:
    """Remove what writes that were cut off have left half done in a folder on disk; S3 shows nothing of the kind.

    Args:
        store: the store.
        older_than: seconds since the epoch; what is younger may still be written.
    """
    inner = store.inner if isinstance(store, TypedStore) else store
    if isinstance(inner, LocalStore):
        for path in inner.root.rglob(f"{TEMPORARY}*"):
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime < older_than:
                    path.unlink()
