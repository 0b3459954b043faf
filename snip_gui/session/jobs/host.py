"""The owner of the worker threads: jobs in, events out.

There are three lanes with one thread each. In the compute lane, short jobs run between the steps of
a long one, so that a minibatch can be scored while a network trains; io is for files, and waiting
for jobs that wait for other processes. A job is a factory that takes a
cancel token and returns an iterator of events; heavy imports happen inside it, in the worker
thread.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Literal, TypeAlias

from PySide6.QtCore import QObject, Qt, QThread, Signal, Slot

from snip_gui.session.jobs.job import Job, JobEnded, JobEvent
from snip_gui.session.jobs.worker import Task, Worker

if TYPE_CHECKING:
    from snip_gui.session.jobs.job import JobFactory

Lane: TypeAlias = Literal["compute", "io", "waiting"]

# On macOS secondary threads get 512 KiB, less than OpenBLAS needs.
_STACK_BYTES = 16 * 1024 * 1024


class JobHost(QObject):
    """Starts jobs and passes on their events. Lives in the GUI thread.

    The caller of `submit` listens to the returned `Job`; the signals here are for all jobs, and are
    emitted before those of the job itself.
    """

    happened = Signal(object)  # JobEvent
    ended = Signal(object)  # JobEnded

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._numbers = itertools.count(1)
        self._workers: dict[Lane, Worker] = {}
        self._threads: dict[Lane, QThread] = {}
        self._open: dict[int, Job] = {}
        self._is_closed = False
        for lane in ("compute", "io", "waiting"):
            self._open_lane(lane)

    def _open_lane(self, lane: Lane) -> None:
        thread = QThread(self)
        thread.setObjectName(f"{lane}_lane")
        thread.setStackSize(_STACK_BYTES)
        worker = Worker()
        worker.moveToThread(thread)
        worker.emitted.connect(self._on_emitted, Qt.ConnectionType.QueuedConnection)
        thread.start()
        self._threads[lane], self._workers[lane] = thread, worker

    def submit(
        self,
        kind: str,
        factory: JobFactory,
        *,
        lane: Lane = "compute",
        short: bool = False,
        replaces: bool = True,
        background: bool = False,
    ) -> Job:
        """Queue a job and return a handle to it.

        Parameters
        ----------
        kind
            Kind of the job, such as ``score``.
        short
            Whether it may run between two steps of a long job.
        replaces
            Whether a short job drops unfinished ones of its kind.
        background
            Whether nobody waits for it, in which case `cancel` ignores it.
        """
        if self._is_closed:
            raise RuntimeError("the job host is closed")
        if short and replaces:
            for before in self._open.values():
                if before.kind == kind:
                    before.drop()
        task = Task(next(self._numbers), kind, factory, short)
        job = Job(task.job_id, kind, task.cancel, background=background)
        self._open[job.job_id] = job
        self._workers[lane].add(task)
        return job

    def cancel(self) -> None:
        """Ask all jobs except background ones to stop."""
        for job in self._open.values():
            if not job.is_background:
                job.cancel()

    @property
    def is_closed(self) -> bool:
        """Whether it no longer accepts jobs."""
        return self._is_closed

    def is_busy(self, *kinds: str) -> bool:
        """Return whether a job of one of the kinds, or any job, is unfinished."""
        return any(not kinds or job.kind in kinds for job in self._open.values())

    def shutdown(self, timeout_ms: int = 15_000) -> bool:
        """Ask everything to stop, and wait with a timeout; return whether all lanes have ended.

        No signal is emitted from then on.
        """
        self._is_closed = True
        for job in self._open.values():
            job.drop()
        for thread in self._threads.values():
            thread.quit()
        ended = [thread.wait(timeout_ms) for thread in self._threads.values()]  # waits for all
        return all(ended)

    @Slot(object)
    def _on_emitted(self, item: JobEvent | JobEnded) -> None:
        job = self._open[item.job_id]
        if isinstance(item, JobEnded):
            del self._open[item.job_id]
        if not self._is_closed:
            (self.ended if isinstance(item, JobEnded) else self.happened).emit(item)
        job.deliver(item)
