"""A desktop notification when training ends while the window is not in focus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QTimer, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QSystemTrayIcon

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from snip_gui.session.controller import Controller

_SHOWN_MS = 10_000
_WORDS = {"finished": "Training finished", "failed": "Training failed"}


class EndNotice(QObject):
    """Notifies once per training run, or once per queue when it ends or stops."""

    def __init__(self, controller: Controller, window: QWidget) -> None:
        super().__init__(window)
        self._state, self._queue, self._window = controller.state, controller.queue, window
        self._was_active = False
        self._icon: QSystemTrayIcon | None = None
        self._state.training_changed.connect(self._on_training_changed)

    @Slot()
    def _on_training_changed(self) -> None:
        training = self._state.training
        was_active, self._was_active = self._was_active, bool(training and training.is_active)
        if training is None or not was_active or training.phase not in _WORDS:
            return
        # Later, when the queue has been updated.
        QTimer.singleShot(0, self, self._tell)

    @Slot()
    def _tell(self) -> None:
        training = self._state.training
        if training is None or training.phase not in _WORDS or is_watched():
            return
        if self._queue.waiting and not self._queue.is_paused:
            return  # the next run is about to start
        errors = {p.split: p.error for p in training.points[-100:] if p.split != "train"}
        ends = f", test error {errors['test']:.2%}" if "test" in errors else ""
        waiting = len(self._queue.waiting)
        waits = f" {waiting} more in the queue." if waiting else ""
        self.show_message(f"{_WORDS[training.phase]}{ends}.{waits}")

    def show_message(self, text: str) -> None:
        """Show a desktop notification, and alert in the task bar."""
        QApplication.alert(self._window)
        if not QSystemTrayIcon.isSystemTrayAvailable():
            return
        if self._icon is None:
            self._icon = QSystemTrayIcon(self._window.windowIcon(), self)
            self._icon.messageClicked.connect(self._on_clicked)
        self._icon.show()
        self._icon.showMessage(QGuiApplication.applicationDisplayName(), text)
        # Notifications need a tray icon, which is removed with them.
        QTimer.singleShot(_SHOWN_MS, self._icon, self._icon.hide)

    @Slot()
    def _on_clicked(self) -> None:
        self._window.show()
        self._window.raise_()
        self._window.activateWindow()


def is_watched() -> bool:
    """Return whether a window of the program has the focus."""
    return QGuiApplication.applicationState() == Qt.ApplicationState.ApplicationActive
