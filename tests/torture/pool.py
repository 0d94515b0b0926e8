"""Requests of one run in flight: which is made next is the seed's choice, and no thread is needed.

The modules that wait for futures are given these functions in place of those of `concurrent.futures`.
"""

from collections.abc import Callable, Collection
from concurrent.futures import Executor, Future
from typing import Any, TypeVar

from marketo_provider.sync import delivery, snapshot
from tests.torture.process import Process

T = TypeVar("T")


class Pending(Future[Any]):
    """A request that is made once somebody waits for it."""

    def __init__(self, pool: "SeededPool", work: Callable[[], Any]) -> None:
        super().__init__()
        self.pool = pool
        self.work = work


class SeededPool(Executor):
    """The requests of one process.

    Args:
        process: whose they are.
    """

    def __init__(self, process: Process) -> None:
        self._process = process
        self._pending: list[Pending] = []

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> "Future[T]":
        """Have a request made later."""
        pending = Pending(self, lambda: fn(*args, **kwargs))
        self._pending.append(pending)
        return pending

    def make_one(self) -> None:
        """Make one of the requests, if there is one."""
        if self._pending:
            self.make(self._process.random.choice(self._pending))

    def make(self, pending: Pending) -> None:
        """Make a request."""
        if pending not in self._pending:
            return
        self._pending.remove(pending)
        pending.set_running_or_notify_cancel()
        try:
            pending.set_result(pending.work())
        except Exception as error:  # noqa: BLE001 - a future carries whatever was raised
            pending.set_exception(error)
        except BaseException as end:
            pending.set_exception(end)
            raise

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - as its parent
        """Make what is under way already, which the seed decides, and forget the rest."""
        while self._pending:
            pending = self._pending[0]
            if self._process.dead or (cancel_futures and self._process.random.random() < 0.5):
                self._pending.remove(pending)
                pending.cancel()
            else:
                self.make(pending)


def _wait(
    futures: Collection[Pending], timeout: float | None = None, return_when: str = ""
) -> tuple[set[Pending], set[Pending]]:
    """Make a request unless one is answered, and return which are."""
    if not any(future.done() for future in futures):
        next(iter(futures)).pool.make_one()
    done = {future for future in futures if future.done()}
    return done, set(futures) - done


def install() -> None:
    """Have the provider wait for requests in the seed's order."""
    for module in (delivery, snapshot):
        module.wait = _wait  # type: ignore[attr-defined] # for `Pending` only
