"""The handle to a submitted job, in the GUI thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from PySide6.QtCore import QObject, Signal

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.events import Event

JobFactory: TypeAlias = Callable[[CancelToken], Iterator[Event]]


@dataclass(frozen=True, slots=True)
class JobEvent:
    """An event of a job, for listeners to all jobs."""

    job_id: int
    kind: str
    event: Event


@dataclass(frozen=True, slots=True)
class JobEnded:
    """The end of a job, after all of its events.

    Attributes
    ----------
    outcome
        ``failed`` is a problem that the user can fix; ``crashed`` is any other exception.
    details
        Traceback of a crash, as text, because an exception must not cross threads.
    """

    job_id: int
    kind: str
    outcome: Literal["done", "cancelled", "failed", "crashed"]
    message: str = ""
    hint: str = ""
    field: str = ""
    details: str = ""
    proposal: float | None = None


class Job(QObject):
    """A handle to a job, as returned by `JobHost.submit`. Lives in the GUI thread."""

    happened = Signal(object)  # Event
    ended = Signal(object)  # JobEnded

    def __init__(self, job_id: int, kind: str, token: CancelToken, *, background: bool) -> None:
        super().__init__()
        self.job_id, self.kind, self.is_background = job_id, kind, background
        self._token = token
        self._is_open, self._is_dropped = True, False

    @property
    def is_open(self) -> bool:
        """Whether it is waiting or running."""
        return self._is_open

    def cancel(self) -> None:
        """Ask it to stop, even if it has not started; `ended` is emitted once it has stopped."""
        self._token.cancel()

    def drop(self) -> None:
        """Cancel it and emit nothing more, neither pending events nor the end."""
        self._is_dropped = True
        self.cancel()

    def deliver(self, item: JobEvent | JobEnded) -> None:
        """Emit what the worker sent; only the host calls this."""
        if isinstance(item, JobEnded):
            self._is_open = False
        if self._is_dropped:
            return
        if isinstance(item, JobEnded):
            self.ended.emit(item)
        else:
            self.happened.emit(item.event)
