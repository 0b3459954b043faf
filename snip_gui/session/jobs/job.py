"""A job that was submitted, as those in the GUI thread see it."""

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
    """An event of a job, for those who listen to every job."""

    job_id: int
    kind: str
    event: Event


@dataclass(frozen=True, slots=True)
class JobEnded:
    """The end of a job, after all of its events.

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


class Job(QObject):
    """What `JobHost.submit` returns: hears one job and cancels it. Lives in the GUI thread."""

    happened = Signal(object)  # Event
    ended = Signal(object)  # JobEnded

    def __init__(self, job_id: int, kind: str, token: CancelToken, *, background: bool) -> None:
        super().__init__()
        self.job_id, self.kind, self.is_background = job_id, kind, background
        self._token = token
        self._is_open, self._is_dropped = True, False

    @property
    def is_open(self) -> bool:
        """Whether it waits or runs."""
        return self._is_open

    def cancel(self) -> None:
        """Ask it to stop, also if it has not begun; `ended` is emitted once it has."""
        self._token.cancel()

    def drop(self) -> None:
        """Cancel it and emit nothing more: neither events that are on their way nor the end."""
        self._is_dropped = True
        self.cancel()

    def deliver(self, item: JobEvent | JobEnded) -> None:
        """Emit what the worker sent; called by the host alone."""
        if isinstance(item, JobEnded):
            self._is_open = False
        if self._is_dropped:
            return
        if isinstance(item, JobEnded):
            self.ended.emit(item)
        else:
            self.happened.emit(item.event)
