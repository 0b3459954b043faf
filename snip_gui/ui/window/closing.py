"""Questions before the window closes, and orderly closing on a signal or at logout."""

from __future__ import annotations

import signal
import socket
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QObject, QSocketNotifier, Slot
from PySide6.QtWidgets import QMessageBox

if TYPE_CHECKING:
    from types import FrameType

    from PySide6.QtWidgets import QApplication, QWidget

    from snip_gui.session.controller import Controller
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


def may_close(parent: QWidget, controller: Controller) -> bool:
    """Ask what to do about runs that are being trained; return whether the window may close."""
    training = controller.state.training
    if training is not None and training.is_active and not _may_interrupt(parent, controller):
        return False
    return not controller.background.has_queues or _may_leave(parent, controller)


def _may_interrupt(parent: QWidget, controller: Controller) -> bool:
    text = "Stop the training and close? Progress is kept and the run can be resumed."
    if controller.queue.waiting:
        text += " The queued runs are kept as well."
    standard = QMessageBox.StandardButton
    answer = QMessageBox.question(
        parent, "Training in progress", text, standard.Close | standard.Cancel, standard.Cancel
    )
    return answer == standard.Close


def _may_leave(parent: QWidget, controller: Controller) -> bool:
    """Ask whether runs in the background are to continue."""
    standard = QMessageBox.StandardButton
    answer = QMessageBox.question(
        parent,
        "Runs in the background",
        "Keep the runs in the background running? With No they stop, and can be resumed at the "
        "next start.",
        standard.Yes | standard.No | standard.Cancel,
        standard.Yes,
    )
    if answer == standard.No:
        controller.background.stop()
    return answer in (standard.Yes, standard.No)


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """Do nothing: the signal is handled when it arrives in Qt's event loop."""
