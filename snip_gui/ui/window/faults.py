"""Unhandled exceptions, from any thread and at any time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal, Slot

from snip_gui.session.state.notices import Notice

if TYPE_CHECKING:
    from snip_gui.session.state.notices import Notices


class Faults(QObject):
    """Logs and shows each fault once, when the event loop is next idle.

    Not immediately, because a fault may occur in another thread or while Qt is painting, where
    opening a dialog would end the process. Not repeatedly, because a painting error recurs at every
    repaint.
    """

    found = Signal(object)  # Notice
    _reported = Signal(str, str)

    def __init__(self, notices: Notices, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._notices = notices
        self._known: set[str] = set()
        self._reported.connect(self._on_reported, Qt.ConnectionType.QueuedConnection)

    def report(self, text: str, details: str) -> bool:
        """Report a fault, from any thread; return whether it is new.

        Parameters
        ----------
        text
            One line on what happened.
        details
            The traceback.
        """
        if details in self._known:
            return False
        self._known.add(details)
        self._reported.emit(text, details)
        return True

    @Slot(str, str)
    def _on_reported(self, text: str, details: str) -> None:
        notice = Notice("failure", text, details=details)
        self._notices.add(notice)
        self.found.emit(notice)
