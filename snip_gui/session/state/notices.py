"""The log: events and problems of a session."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from PySide6.QtCore import QObject, Signal

from snip_gui.core.base.text import to_local

Severity: TypeAlias = Literal["info", "problem", "failure"]


@dataclass(frozen=True, slots=True)
class Notice:
    """A line of the log.

    Attributes
    ----------
    severity
        ``problem`` is something that the user can fix; ``failure`` is a fault of the program.
    details
        Traceback of a failure.
    """

    severity: Severity
    text: str
    hint: str = ""
    details: str = ""
    time: datetime.datetime = field(
        default_factory=lambda: to_local(datetime.datetime.now(datetime.UTC))
    )


class Notices(QObject):
    """The log of a session; the oldest lines are dropped if there are too many."""

    added = Signal(object)  # Notice

    _LIMIT = 5000

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._all: list[Notice] = []

    @property
    def all(self) -> tuple[Notice, ...]:
        """Every notice, oldest first."""
        return tuple(self._all)

    def info(self, text: str) -> None:
        """Log an event."""
        self.add(Notice("info", text))

    def add(self, notice: Notice) -> None:
        """Log a notice."""
        self._all.append(notice)
        del self._all[: -self._LIMIT]
        self.added.emit(notice)
