"""The worker threads: jobs in, events out at a bounded rate.

Two lanes, one thread each. In the compute lane a short job runs between two steps of a long one, so
that a minibatch can be scored while a network trains. A job is a factory that takes a cancel token
and returns an iterator of events; the heavy imports happen inside it, in the worker's thread.
"""

from __future__ import annotations

import itertools
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from PySide6.QtCore import QObject, Qt, QThread, Signal, Slot

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.errors import Cancelled, UserError
from snip_gui.core.base.events import Event, Progress
from snip_gui.core.training.events import Measured

if TYPE_CHECKING:
    from snip_gui.core.training.metrics import MetricPoint

Lane: TypeAlias = Literal["compute", "io"]
JobFactory: TypeAlias = Callable[[CancelToken], Iterator[Event]]

# Every event wakes the GUI thread, which then takes Python's lock from the training.
_PASS_ON_SECONDS = 0.1
# macOS gives secondary threads 512 KiB, less than OpenBLAS needs.
_STACK_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class JobEvent:
    """An event of a job."""

    job_id: int
    kind: str
    event: Event


@dataclass(frozen=True, slots=True)
class JobEnded:
    """The end of a job; the last that is heard of it.

    Attributes
    ----------
    outcome
        ``failed`` is a problem that the user can mend; ``crashed`` is anything else.
    details
        Traceback of a crash: text, since an exception must not cross threads.
    """

    job_id: int
    kind: str
    outcome: Literal["done", "cancelled", "failed", "crashed"]
    message: str = ""
    hint: str = ""
    field: str = ""
    details: str = ""
    proposal: float | None = None


@dataclass(eq=False)
class _Job:
    job_id: int
    kind: str
    factory: JobFactory
    is_short: bool
    cancel: CancelToken = field(default_factory=CancelToken)
    passed_on: float = 0.0
    measured: list[MetricPoint] = field(default_factory=list)


class _Worker(QObject):
    """Runs the jobs of one lane, in the lane's thread."""

    emitted = Signal(object)  # JobEvent or JobEnded
    woken = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._waiting: deque[_Job] = deque()
        self._running: list[_Job] = []
        self.woken.connect(self._work, Qt.ConnectionType.QueuedConnection)

    def add(self, job: _Job) -> None:
        """Queue a job; called from the GUI thread."""
        with self._lock:
            self._waiting.append(job)
        self.woken.emit()

    def cancel(self, choose: Callable[[_Job], bool]) -> None:
        """Ask the chosen jobs to stop, waiting ones included; called from the GUI thread."""
        with self._lock:
            for job in (*self._waiting, *self._running):
                if choose(job):
                    job.cancel.cancel()

    @Slot()
    def _work(self) -> None:
        while (job := self._take(short_only=False)) is not None:
            self._run(job)

    def _take(self, *, short_only: bool) -> _Job | None:
        with self._lock:
            for job in self._waiting:
                if job.is_short or not short_only:
                    self._waiting.remove(job)
                    self._running.append(job)
                    return job
        return None

    def _run(self, job: _Job) -> None:
        """Run a job to its end; nothing that it raises leaves this method."""
        ended = JobEnded(job.job_id, job.kind, "done")
        try:
            job.cancel.raise_if_cancelled()
            for event in job.factory(job.cancel):
                self._pass_on(job, event)
                if not job.is_short:
                    self._run_short_ones()
        except Cancelled:
            ended = JobEnded(job.job_id, job.kind, "cancelled")
        except UserError as error:
            ended = JobEnded(
                job.job_id, job.kind, "failed", error.message, error.hint, error.field,
                proposal=error.proposal,
            )  # fmt: skip
        # The one place where everything is caught: an exception that left a slot would only be
        # printed, and the window would wait for ever.
        except BaseException as error:  # noqa: BLE001
            summary = "".join(traceback.format_exception_only(error)).strip()
            details = traceback.format_exc()
            ended = JobEnded(job.job_id, job.kind, "crashed", summary, details=details)
        finally:
            with self._lock:
                self._running.remove(job)
            self._pass_on_measured(job)
            self.emitted.emit(ended)

    def _run_short_ones(self) -> None:
        while (job := self._take(short_only=True)) is not None:
            self._run(job)

    def _pass_on(self, job: _Job, event: Event) -> None:
        """Emit an event; progress only so often, and what was measured together with it."""
        if isinstance(event, Measured):
            job.measured += event.points
            return
        if isinstance(event, Progress):
            now = time.monotonic()
            if now - job.passed_on < _PASS_ON_SECONDS:
                return
            job.passed_on = now
        self._pass_on_measured(job)
        self.emitted.emit(JobEvent(job.job_id, job.kind, event))

    def _pass_on_measured(self, job: _Job) -> None:
        """Emit the points that were held back, in one event."""
        if job.measured:
            event = Measured(tuple(job.measured))
            job.measured.clear()
            self.emitted.emit(JobEvent(job.job_id, job.kind, event))


class JobHost(QObject):
    """Owns the lanes. Lives in the GUI thread, and so do its signals."""

    happened = Signal(object)  # JobEvent
    ended = Signal(object)  # JobEnded

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._numbers = itertools.count(1)
        self._workers: dict[Lane, _Worker] = {}
        self._threads: dict[Lane, QThread] = {}
        self._open: dict[int, str] = {}
        self._is_closed = False
        for lane in ("compute", "io"):
            self._open_lane(lane)

    def _open_lane(self, lane: Lane) -> None:
        thread = QThread(self)
        thread.setObjectName(f"{lane}_lane")
        thread.setStackSize(_STACK_BYTES)
        worker = _Worker()
        worker.moveToThread(thread)
        worker.emitted.connect(self._on_emitted, Qt.ConnectionType.QueuedConnection)
        thread.start()
        self._threads[lane], self._workers[lane] = thread, worker

    def submit(
        self, kind: str, factory: JobFactory, *, lane: Lane = "compute", short: bool = False
    ) -> int:
        """Queue a job and return its id. A short job of the same kind replaces those before it.

        Parameters
        ----------
        kind
            What the job is, such as ``score``.
        short
            Whether it may run between two steps of a long one.
        """
        if self._is_closed:
            raise RuntimeError("the job host is closed")
        if short:
            self.cancel(kind)
        job = _Job(next(self._numbers), kind, factory, short)
        self._open[job.job_id] = kind
        self._workers[lane].add(job)
        return job.job_id

    def cancel(self, kind: str | None = None) -> None:
        """Ask all jobs of a kind, or all jobs, to stop; that they have is told by `ended`."""
        for worker in self._workers.values():
            worker.cancel(lambda job: kind in (None, job.kind))

    @property
    def is_closed(self) -> bool:
        """Whether it takes no more jobs."""
        return self._is_closed

    def is_busy(self, *kinds: str) -> bool:
        """Whether a job of one of the kinds, or any job, has not ended."""
        return any(not kinds or kind in kinds for kind in self._open.values())

    def shutdown(self, timeout_ms: int = 15_000) -> bool:
        """Ask everything to stop and wait, bounded; return whether all lanes have ended."""
        self._is_closed = True
        self.cancel()
        for thread in self._threads.values():
            thread.quit()
        ended = [thread.wait(timeout_ms) for thread in self._threads.values()]  # wait for every one
        return all(ended)

    @Slot(object)
    def _on_emitted(self, item: JobEvent | JobEnded) -> None:
        if isinstance(item, JobEvent):
            self.happened.emit(item)
        else:
            self._open.pop(item.job_id, None)
            self.ended.emit(item)
