"""Keys in a picture: arrows point, Enter selects, Menu opens the menu, + and - zoom, Shift pans."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent

if TYPE_CHECKING:
    from snip_gui.ui.widgets.pictures.picture_plot import PicturePlot

_STEPS = {
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
}
_PAN, _ZOOM = 0.1, 1.25
_TEN = 10  # positions per step with Ctrl


class PictureKeys(QObject):
    """An event filter of the view of a plot."""

    def __init__(self, plot: PicturePlot) -> None:
        super().__init__(plot)
        self._plot = plot
        self._place: tuple[int, int] | None = None

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Handle the keys of the picture; other keys are passed on."""
        if event.type() == QEvent.Type.FocusOut:
            self._place = None
            self._plot.show_cursor(None)
            self._plot.left.emit()
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            return self._on_key(Qt.Key(event.key()), event.modifiers())
        return super().eventFilter(watched, event)

    def _on_key(self, key: Qt.Key, modifiers: Qt.KeyboardModifier) -> bool:
        """Return whether a key was used."""
        if key in _STEPS and self._plot.shape:
            down, right = _STEPS[key]
            if modifiers & Qt.KeyboardModifier.ShiftModifier:
                self._plot.pan(_PAN * down, _PAN * right)
            else:
                far = _TEN if modifiers & Qt.KeyboardModifier.ControlModifier else 1
                self._point(far * down, far * right)
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self._plot.zoom(_ZOOM)
        elif key == Qt.Key.Key_Minus:
            self._plot.zoom(1 / _ZOOM)
        elif key in (Qt.Key.Key_0, Qt.Key.Key_Home):
            self._plot.reset_view()
        elif key == Qt.Key.Key_Menu and self._place:
            self._plot.ask_menu(*self._place)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and self._place:
            self._plot.clicked.emit(*self._place)
        else:
            return False
        return True

    def _point(self, down: int, right: int) -> None:
        """Move the cursor, which starts in the middle of what is visible."""
        rows, columns = self._plot.shape
        if self._place is None:
            top, left, height, width = self._plot.visible
            row, column = top + height // 2, left + width // 2
        else:
            row, column = self._place[0] + down, self._place[1] + right
        self._place = min(max(row, 0), rows - 1), min(max(column, 0), columns - 1)
        self._plot.show_cursor(self._place)
