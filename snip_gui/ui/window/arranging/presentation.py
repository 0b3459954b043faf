"""Presentation: the picture and its slider alone on the screen, in large type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QObject, Qt, Slot
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QDockWidget, QToolBar

if TYPE_CHECKING:
    from PySide6.QtWidgets import QMainWindow, QTabWidget, QWidget

_DIRECT = Qt.FindChildOption.FindDirectChildrenOnly
_LARGE = "QWidget { font-size: 18pt; } QSlider:horizontal { min-height: 32px; }"


class Presentation(QObject):
    """Hides everything but the current page of the centre, and brings it back."""

    def __init__(self, window: QMainWindow, centre: QTabWidget) -> None:
        super().__init__(window)
        self._window, self._centre = window, centre
        self._layout = QByteArray()
        self._was_shown: tuple[QWidget, ...] = ()
        self.is_on = False

    @Slot()
    def toggle(self) -> None:
        """Begin or end the presentation."""
        if self.is_on:
            self.end()
        else:
            self._begin()

    def _begin(self) -> None:
        self.is_on = True
        window = self._window
        self._layout = window.saveState()
        # The shortcuts of a hidden menu bar do not work.
        window.addActions(window.findChildren(QAction, options=_DIRECT))
        bars = window.findChildren(QToolBar)
        parts = (window.menuBar(), window.statusBar(), self._centre.tabBar(), *bars)
        self._was_shown = tuple(part for part in parts if not part.isHidden())
        for part in (*self._was_shown, *window.findChildren(QDockWidget)):
            part.hide()
        self._centre.setStyleSheet(_LARGE)
        window.setWindowState(window.windowState() | Qt.WindowState.WindowFullScreen)

    def end(self) -> None:
        """Bring the window back as it was, if the presentation is on."""
        if not self.is_on:
            return
        self.is_on = False
        window = self._window
        window.setWindowState(window.windowState() & ~Qt.WindowState.WindowFullScreen)
        self._centre.setStyleSheet("")
        for part in self._was_shown:
            part.show()
        window.restoreState(self._layout)
