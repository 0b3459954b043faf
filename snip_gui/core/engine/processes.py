"""Worker processes on this machine. No torch.

They are spawned, each with a pool of its own, so that if one ends unexpectedly, only the item that
it was doing is affected.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from concurrent.futures import Executor, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING, Any, TypeVar

from snip_gui.core.base.environment import available_memory, num_processors, safe_path
from snip_gui.core.engine.work import ONE_AT_A_TIME

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from multiprocessing.process import BaseProcess

T = TypeVar("T")

# Torch, a small data set and a small network take about half of this.
_BYTES_EACH = 1_000_000_000
# How long a worker whose parent has ended may take to write its checkpoint.
_GRACE_SECONDS = 4.0


def default_num_processes(*, spare: int = 0) -> int:
    """Return as many processes as processors and free memory allow, but at least one.

    Parameters
    ----------
    spare
        Number of processors left to others, such as a window.
    """
    return max(1, min(num_processors() - spare, available_memory() // _BYTES_EACH))


class Processes(Executor):
    """Executor of a number of processes, each started when first needed.

    If a process ends unexpectedly, the futures submitted to it raise `BrokenProcessPool`, and it is
    replaced. Calls are distributed when submitted, so submit only as many as there are processes.
    """

    def __init__(self, number: int) -> None:
        self._workers = [_Worker() for _ in range(number)]

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:  # noqa: ANN401 - of any function
        """Submit a call to the process with the fewest."""
        return min(self._workers, key=_Worker.num_open).submit(fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes, after the calls that have begun."""
        for worker in self._workers:
            worker.pool.shutdown(wait=False, cancel_futures=cancel_futures)
        for worker in self._workers:
            worker.pool.shutdown(wait=wait)

    def kill(self) -> None:
        """End the processes at once."""
        for worker in self._workers:
            for process in worker.processes:
                process.kill()


class _Worker:
    """A pool of one process, renewed when that has ended unexpectedly."""

    def __init__(self) -> None:
        self.pool = _new_pool()
        self.processes: set[BaseProcess] = set()
        self._futures: list[Future[Any]] = []

    def num_open(self) -> int:
        """Return how many calls have not been done yet."""
        self._futures = [future for future in self._futures if not future.done()]
        return len(self._futures)

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:  # noqa: ANN401 - of any function
        before = set(multiprocessing.active_children())
        with safe_path():  # the process starts here
            try:
                future = self.pool.submit(fn, *args, **kwargs)
            except BrokenProcessPool:
                self.pool = _new_pool()
                future = self.pool.submit(fn, *args, **kwargs)
        self.processes |= set(multiprocessing.active_children()) - before
        self._futures.append(future)
        return future


def _new_pool() -> ProcessPoolExecutor:
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(1, mp_context=context, initializer=_prepare)


def _prepare() -> None:
    """Prepare a worker process: an interrupt is for its parent, and it ends soon after that."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def wait() -> None:
        parent.join()
        # The work sees the same at its desk, and stops.
        ONE_AT_A_TIME.acquire(timeout=_GRACE_SECONDS)
        os._exit(1)

    threading.Thread(target=wait, name="parent", daemon=True).start()
