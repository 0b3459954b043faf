"""A canvas to draw on with the mouse, white on black."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPointF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QPainter, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from snip_gui.ui.widgets.guarded import Guarded

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PySide6.QtGui import QMouseEvent, QPaintEvent

_SIDE = 280


class DrawingCanvas(Guarded, QWidget):
    """A square of 280 pixels per side.

    Attributes
    ----------
    brush
        Diameter of the brush in pixels.
    is_rubber
        Whether strokes remove ink. The right mouse button always does.
    """

    drawn = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.brush, self.is_rubber = 22, False
        self._image = QImage(_SIDE, _SIDE, QImage.Format.Format_Grayscale8)
        self._image.fill(0)
        self._last = QPointF()
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.CrossCursor)

    def sizeHint(self) -> QSize:
        """Return the fixed size."""
        return QSize(_SIDE, _SIDE)

    def clear(self) -> None:
        """Remove all ink."""
        self._image.fill(0)
        self.update()
        self.drawn.emit()

    def ink(self) -> NDArray[np.uint8]:
        """Return the ink (H, W), 0 to 255."""
        image = self._image
        pixels = np.frombuffer(image.constBits(), np.uint8)
        ink_HW = pixels.reshape(image.height(), image.bytesPerLine())[:, : image.width()]
        return ink_HW.copy()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin a stroke."""
        self._last = event.position()
        self._stroke(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Continue a stroke."""
        self._stroke(event)

    def _stroke(self, event: QMouseEvent) -> None:
        rubs = self.is_rubber or bool(event.buttons() & Qt.MouseButton.RightButton)
        painter = QPainter(self._image)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pen = QPen(QColor(0 if rubs else 255, 0 if rubs else 255, 0 if rubs else 255))
        pen.setWidthF(self.brush)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        # A line of no length is not drawn.
        painter.drawLine(self._last, event.position() + QPointF(0.01, 0))
        painter.end()
        self._last = event.position()
        self.update()
        self.drawn.emit()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the ink."""
        QPainter(self).drawImage(0, 0, self._image)
