"""A widget that shows a small array as an image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from snip_gui.ui.widgets.describing.words import EMPTY, image_words
from snip_gui.ui.widgets.guarded import Guarded

if TYPE_CHECKING:
    from numpy.typing import NDArray


def to_qimage(image_CHW: NDArray[np.uint8]) -> QImage:
    """Convert an image with one or three channels to a QImage that owns its pixels."""
    channels, height, width = image_CHW.shape
    if channels == 3:
        pixels = np.ascontiguousarray(image_CHW.transpose(1, 2, 0))
        kind, line = QImage.Format.Format_RGB888, 3 * width
    else:
        pixels = np.ascontiguousarray(image_CHW[0])
        kind, line = QImage.Format.Format_Grayscale8, width
    # A copy, because the array may be freed before the image.
    return QImage(pixels.data, width, height, line, kind).copy()


class ArrayImage(Guarded, QWidget):
    """Shows a small image, as large as fits, with sharp pixels."""

    def __init__(self, side: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._side = side
        self._image: QImage | None = None
        self.setAccessibleDescription(EMPTY)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def show_array(self, image_CHW: NDArray[np.uint8] | None) -> None:
        """Show an image, or nothing."""
        self._image = None if image_CHW is None else to_qimage(image_CHW)
        self.setAccessibleDescription(image_words(image_CHW))
        self.update()

    def sizeHint(self) -> QSize:
        """Return the fixed size."""
        return QSize(self._side, self._side)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the image, scaled without smoothing."""
        painter = QPainter(self)
        if self._image is None:
            painter.fillRect(self.rect(), self.palette().base())
        else:
            size = self._image.size().scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
            painter.drawImage(QRect(self.rect().topLeft(), size), self._image)
        painter.setPen(self.palette().mid().color())
        painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
