"""A grid of small grey pictures with headings; a click or Enter chooses one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from snip_gui.ui.widgets.describing.describer import Describer
from snip_gui.ui.widgets.describing.words import EMPTY
from snip_gui.ui.widgets.guarded import Guarded
from snip_gui.ui.widgets.pictures.array_image import to_qimage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from PySide6.QtGui import QImage

Place = tuple[int, int]
_GAP = 3
_MARGIN = 6
_LEAST_TILE = 16


class TileView(Guarded, QWidget):
    """Rows and columns of tiles, as large as fits.

    Signals
    -------
    hovered
        Row and column under the pointer or selected by keys; -1, -1 for none.
    taken
        Row and column of the chosen tile.
    """

    hovered = Signal(int, int)
    taken = Signal(int, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: Sequence[str] = ()
        self._columns: Sequence[str] = ()
        self._tiles: dict[Place, QImage] = {}
        self._known: set[int] = set()
        self._marked: Place | None = None
        self._current: Place | None = None
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        Describer(self, self._words)

    def _words(self) -> str:
        """Return the size of the grid, and which tile is current."""
        if not self._rows or not self._columns:
            return EMPTY
        text = f"{len(self._rows)} rows by {len(self._columns)} columns of input maps, "
        text += f"{len(self._known)} columns computed"
        place = self._current or self._marked
        if place is None:
            return text
        return f"{text}; current tile: {self._rows[place[0]]}, {self._columns[place[1]]}"

    def show_headings(self, rows: Sequence[str], columns: Sequence[str]) -> None:
        """Start a new grid, without tiles."""
        self._rows, self._columns = rows, columns
        self._tiles, self._known, self._current = {}, set(), None
        self.updateGeometry()
        self.update()

    def show_columns(self, columns: Mapping[int, Sequence[NDArray[np.floating]]]) -> None:
        """Add columns of tiles (H, W) with values from 0 to 1."""
        for number, tiles in columns.items():
            self._known.add(number)
            for row, tile_HW in enumerate(tiles):
                grey = np.rint(np.clip(tile_HW, 0, 1) * 255).astype(np.uint8)
                self._tiles[row, number] = to_qimage(grey[None])
        self.update()

    def has_column(self, number: int) -> bool:
        """Return whether a column has tiles."""
        return number in self._known

    def mark(self, place: Place | None) -> None:
        """Frame the tile of the current state."""
        if place != self._marked:
            self._marked = place
            self.update()

    def sizeHint(self) -> QSize:
        """Return a size with large tiles."""
        return self._size_at(48)

    def minimumSizeHint(self) -> QSize:
        """Return the smallest size at which tiles are distinguishable."""
        return self._size_at(_LEAST_TILE)

    def _size_at(self, side: int) -> QSize:
        left, top = self._heading()
        step = side + _GAP
        width = left + step * len(self._columns) + _MARGIN
        return QSize(width, top + step * len(self._rows) + _MARGIN)

    def _heading(self) -> tuple[int, int]:
        """Return the width of row headings and the height of column headings."""
        metrics = self.fontMetrics()
        widest = max((metrics.horizontalAdvance(text) for text in self._rows), default=0)
        return widest + 2 * _MARGIN, metrics.height() + _MARGIN

    def tile_rect(self, row: int, column: int) -> QRect:
        """Return the rectangle of a tile."""
        left, top = self._heading()
        across = (self.width() - left - _MARGIN) // max(1, len(self._columns))
        down = (self.height() - top - _MARGIN) // max(1, len(self._rows))
        step = max(_LEAST_TILE, min(across, down))
        slack = max(0, self.width() - left - _MARGIN - step * len(self._columns)) // 2
        return QRect(slack + left + step * column, top + step * row, step - _GAP, step - _GAP)

    def _tile_at(self, point: QPoint) -> Place | None:
        for place in self._tiles:
            if self.tile_rect(*place).contains(point):
                return place
        return None

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint headings, tiles and frames."""
        painter = QPainter(self)
        palette, metrics = self.palette(), self.fontMetrics()
        empty = palette.alternateBase().color()
        painter.setPen(palette.text().color())
        for column, text in enumerate(self._columns):
            box = self.tile_rect(0, column)
            box = QRect(box.left() - _GAP, 0, box.width() + 2 * _GAP, metrics.height() + 2)
            short = metrics.elidedText(text, Qt.TextElideMode.ElideRight, box.width())
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, short)
        for row, text in enumerate(self._rows):
            box = self.tile_rect(row, 0)
            box = QRect(0, box.top(), box.left() - _MARGIN, box.height())
            painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)
        for row in range(len(self._rows)):
            for column in range(len(self._columns)):
                box, tile = self.tile_rect(row, column), self._tiles.get((row, column))
                if tile is None:
                    painter.fillRect(box, empty)
                else:
                    painter.drawImage(box, tile)
        accent = palette.highlight().color()
        if self._marked in self._tiles:
            self._frame(painter, self._marked, accent, 3)
        if self._current in self._tiles:
            self._frame(painter, self._current, palette.text().color(), 1)

    def _frame(self, painter: QPainter, place: Place | None, colour: QColor, width: int) -> None:
        if place is not None:
            painter.setPen(QPen(colour, width))
            painter.drawRect(self.tile_rect(*place).adjusted(-2, -2, 1, 1))

    def _point_at(self, place: Place | None) -> None:
        if place != self._current:
            self._current = place
            self.hovered.emit(*(place or (-1, -1)))
            self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Emit the tile under the pointer."""
        self._point_at(self._tile_at(event.position().toPoint()))

    def leaveEvent(self, _event: QEvent) -> None:
        """Emit that the pointer has left."""
        self._point_at(None)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose the clicked tile."""
        place = self._tile_at(event.position().toPoint())
        if place is not None and event.button() == Qt.MouseButton.LeftButton:
            self._point_at(place)
            self.taken.emit(*place)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move with the arrow keys; choose with Enter or Space."""
        steps = {
            Qt.Key.Key_Left: (0, -1),
            Qt.Key.Key_Right: (0, 1),
            Qt.Key.Key_Up: (-1, 0),
            Qt.Key.Key_Down: (1, 0),
        }
        key = Qt.Key(event.key())
        if key in steps and self._tiles:
            row, column = self._current or self._marked or (0, 0)
            if self._current is not None:
                row, column = row + steps[key][0], column + steps[key][1]
            if (row, column) in self._tiles:
                self._point_at((row, column))
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and self._current:
            self.taken.emit(*self._current)
        else:
            super().keyPressEvent(event)
