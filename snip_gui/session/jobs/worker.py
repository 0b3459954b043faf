"""Runs the jobs of a lane in the lane's thread, and limits the rate of their events."""

from __future__ import annotations

import threading
import time
import traceback
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal, Slot

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.errors import (
    Cancelled,
    UserError,
    is_memory_error,
    make_memory_error,
)
from snip_gui.core.base.events import Event, Progress
from snip_gui.core.base.machine.freed_memory import return_freed_memory
from snip_gui.core.training.events import PointsMeasured
from snip_gui.session.jobs.job import JobEnded, JobEvent

if TYPE_CHECKING:
    from snip_gui.core.training.metrics import MetricPoint
    from snip_gui.session.jobs.job import JobFactory

# Every event wakes the GUI thread, which then takes the GIL from training.
_PASS_ON_SECONDS = 0.1


@dataclass(eq=False)
class Task:
    """A job on the worker's side; not a QObject, because any thread may drop the last reference."""

    job_id: int
    kind: str
    factory: JobFactory
    is_short: bool
    cancel: CancelToken = field(default_factory=CancelToken)
    passed_on: float = 0.0
    measured: list[MetricPoint] = field(default_factory=list)


class Worker(QObject):
    """Runs the jobs of a lane in the lane's thread."""

    emitted = Signal(object)  # JobEvent or JobEnded
    woken = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._waiting: deque[Task] = deque()
        self.woken.connect(self._work, Qt.ConnectionType.QueuedConnection)

    def add(self, task: Task) -> None:
        """Queue a job; called from the GUI thread."""
        with self._lock:
            self._waiting.append(task)
        self.woken.emit()

    @Slot()
    def _work(self) -> None:
        while (task := self._take(short_only=False)) is not None:
            self._run(task)
        return_freed_memory()

    def _take(self, *, short_only: bool) -> Task | None:
        with self._lock:
            task = next((t for t in self._waiting if t.is_short or not short_only), None)
            if task is not None:
                self._waiting.remove(task)
            return task

    def _run(self, task: Task) -> None:
        """Run a job to its end; no exception leaves this method."""
        ended = JobEnded(task.job_id, task.kind, "done")
        try:
            task.cancel.raise_if_cancelled()
            for event in task.factory(task.cancel):
                self._pass_on(task, event)
                if not task.is_short:
                    self._run_short_ones()
        except Cancelled:
            ended = JobEnded(task.job_id, task.kind, "cancelled")
        except UserError as error:
            ended = _failed(task, error)
        # The only place that catches everything: an exception leaving a slot would just be printed,
        # and the window would wait forever.
        except BaseException as error:  # noqa: BLE001 - see above
            if is_memory_error(error):
                ended = _failed(task, make_memory_error())
            else:
                summary = "".join(traceback.format_exception_only(error)).strip()
                details = traceback.format_exc()
                ended = JobEnded(task.job_id, task.kind, "crashed", summary, details=details)
        finally:
            self._pass_on_measured(task)
            self.emitted.emit(ended)

    def _run_short_ones(self) -> None:
        while (task := self._take(short_only=True)) is not None:
            self._run(task)

    def _pass_on(self, task: Task, event: Event) -> None:
        """Emit an event; progress at a limited rate, and metric points together with it."""
        if isinstance(event, PointsMeasured):
            task.measured += event.points
            return
        if isinstance(event, Progress):
            now = time.monotonic()
            if now - task.passed_on < _PASS_ON_SECONDS:
                return
            task.passed_on = now
        self._pass_on_measured(task)
        self.emitted.emit(JobEvent(task.job_id, task.kind, event))

    def _pass_on_measured(self, task: Task) -> None:
        """Emit the buffered points in one event."""
        if task.measured:
            event = PointsMeasured(tuple(task.measured))
            task.measured.clear()
            self.emitted.emit(JobEvent(task.job_id, task.kind, event))


def _failed(task: Task, error: UserError) -> JobEnded:
    """Return the end of a job with an error that the user can fix."""
    return JobEnded(
        task.job_id, task.kind, "failed", error.message, error.hint, error.field,
        proposal=error.proposal,
    )  # fmt: skip
