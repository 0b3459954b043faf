"""Orderly closing on a signal or at logout."""

from __future__ import annotations

import signal
import socket
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QObject, QSocketNotifier, Slot

if TYPE_CHECKING:
    from types import FrameType

    from PySide6.QtWidgets import QApplication

    from snip_gui.ui.window.main_window import MainWindow

# Windows has no SIGHUP.
_SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGTERM", "SIGHUP", "SIGINT") if hasattr(signal, name)
)


class _Closer(QObject):
    """Closes the window without asking, because the system does not wait for an answer."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        # Python runs signal handlers between bytecodes, but an idle window runs none: the signal
        # number written to a socket wakes Qt's event loop.
        self._reader, self._writer = socket.socketpair()
        for end in (self._reader, self._writer):
            end.setblocking(False)
        signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        self._notifier = QSocketNotifier(self._reader.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._on_signal)
        for number in _SIGNALS:
            signal.signal(number, _ignore)

    @Slot()
    def _on_signal(self) -> None:
        numbers = self._reader.recv(64)
        if set(numbers) & set(_SIGNALS):
            self.close()

    @Slot()
    def close(self) -> None:
        """Close the window and end the program, whatever dialogs are open."""
        self._window.close_now()
        QCoreApplication.exit(0)

    @Slot()
    def keep(self) -> None:
        """Close before the system ends the session, which may kill the program at any time."""
        self._window.close_now()


def close_when_asked(app: QApplication, window: MainWindow) -> None:
    """Close the window in an orderly way on SIGTERM, SIGHUP, SIGINT and at logout."""
    closer = _Closer(window)
    app.commitDataRequest.connect(closer.keep)
    app.aboutToQuit.connect(window.close_now)


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """Do nothing: the signal is handled when it arrives in Qt's event loop."""
