"""A plot of an indexed picture with zoom, pan, hover and a colour bar."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QGraphicsRectItem, QHBoxLayout, QSizePolicy, QWidget

from snip_gui.ui.widgets.guarded import Guarded
from snip_gui.ui.widgets.naming import named
from snip_gui.ui.widgets.pictures.bar_ticks import bar_ticks
from snip_gui.ui.widgets.pictures.picture_keys import PictureKeys

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from snip_gui.core.views.picture import Picture


# Up to here single pixels are distinguishable.
_SHARP = 1.25
# Brightness of an image under a picture.
_UNDER = 0.4


class PicturePlot(QWidget):
    """Shows a `Picture` with square pixels and row 0 at the top."""

    hovered = Signal(int, int)  # row, column of the canvas
    clicked = Signal(int, int)
    left = Signal()
    zoomed = Signal()  # another reduction is appropriate
    moved = Signal()  # another part is visible

    def __init__(
        self, name: str = "heatmap", title: str = "Heatmap", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._shape: tuple[int, ...] = ()
        self._reduction = 1
        self._picture: Picture | None = None
        self.view = named(pg.GraphicsView(), f"{name}_view", title)
        self.view_box = pg.ViewBox(lockAspect=True, invertY=True, enableMenu=False)
        self.view.setCentralItem(self.view_box)
        self.image_item = pg.ImageItem(axisOrder="row-major")
        self.view_box.addItem(self.image_item)
        self.view_box.setDefaultPadding(0.01)
        self.companion_item = pg.ImageItem(axisOrder="row-major")
        self.companion_item.setZValue(-1)
        self.companion_item.hide()
        self.view_box.addItem(self.companion_item)
        self._beside = False
        self._marks: list[QGraphicsRectItem] = []
        self._mark_colour = QColor()
        self._cursor = QGraphicsRectItem()
        self._cursor.setZValue(2)
        self._cursor.setPen(_frame_pen(QColor("#ffffff")))
        self._cursor.hide()
        self.view_box.addItem(self._cursor, ignoreBounds=True)
        self.colour_bar = ColourBar()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.view, 1)
        layout.addWidget(self.colour_bar)
        self.view.scene().sigMouseMoved.connect(self._on_moved)
        self.view.scene().sigMouseClicked.connect(self._on_clicked)
        self.view.setMinimumSize(120, 64)  # two may be stacked
        self.view_box.sigRangeChanged.connect(self._on_range_changed)
        self.view.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._keys = PictureKeys(self)
        self.view.installEventFilter(self._keys)

    def show_picture(
        self,
        picture: Picture,
        table: NDArray[np.uint8],
        size: tuple[int, int] | None = None,
        block: tuple[int, int] = (1, 1),
        origin: tuple[int, int] = (0, 0),
    ) -> None:
        """Draw a picture with a (256, 3) colour table; the view is kept for the same canvas.

        Parameters
        ----------
        size, block, origin
            Rows and columns of the canvas, canvas pixels per picture pixel, and row and column of
            the picture's origin; by default the picture is the canvas.
        """
        self._picture = picture
        height, width = picture.index_HW.shape
        self.image_item.setImage(picture.index_HW, levels=(0, 255), lut=table, autoLevels=False)
        self.image_item.setRect(QRectF(origin[1], origin[0], width * block[1], height * block[0]))
        self.image_item.show()
        size = size or (height, width)
        if size != self._shape:
            self._shape = size
            self.reset_view()
        self.colour_bar.show_scale(picture, table)

    def show_companion(self, image: NDArray[np.uint8] | None, *, beside: bool = False) -> None:
        """Draw an image (H, W) or (H, W, 3) beside the picture, or underneath it, dimmed."""
        self._beside = beside and image is not None
        self.companion_item.setVisible(image is not None)
        self.companion_item.setOpacity(1.0 if beside else _UNDER)
        self.image_item.setCompositionMode(
            QPainter.CompositionMode.CompositionMode_SourceOver
            if image is None or beside
            else QPainter.CompositionMode.CompositionMode_Plus
        )
        if image is not None and self._shape:
            self.companion_item.setImage(image, levels=(0, 255), autoLevels=False)
            height, width = self._shape
            left = width * 1.06 if beside else 0.0
            self.companion_item.setRect(QRectF(left, 0, width, height))
        self.reset_view()

    def show_marks(self, rectangles: Sequence[tuple[int, int, int, int]]) -> None:
        """Frame rectangles of the canvas, given by row, column, height and width."""
        for item in self._marks[len(rectangles) :]:
            self.view_box.removeItem(item)
        del self._marks[len(rectangles) :]
        while len(self._marks) < len(rectangles):
            item = QGraphicsRectItem()
            item.setZValue(1)
            item.setPen(_frame_pen(self._mark_colour))
            self._marks.append(item)
            self.view_box.addItem(item, ignoreBounds=True)
        for item, (row, column, height, width) in zip(self._marks, rectangles, strict=True):
            item.setRect(QRectF(column, row, width, height))

    def set_mark_colour(self, colour: str) -> None:
        """Set the colour of the frames."""
        self._mark_colour = QColor(colour)
        for item in self._marks:
            item.setPen(_frame_pen(self._mark_colour))

    def prepare(self, size: tuple[int, int]) -> None:
        """Reset the view if another canvas is about to be drawn."""
        if size != self._shape:
            self._shape = size
            self.reset_view()

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows and columns of the canvas; empty before a picture is drawn."""
        return self._shape

    def pan(self, down: float, right: float) -> None:
        """Move the visible part by fractions of its size."""
        rect = self.view_box.viewRect()
        self.view_box.translateBy(x=right * rect.width(), y=down * rect.height())

    def zoom(self, factor: float) -> None:
        """Enlarge the picture about the middle of the visible part."""
        self.view_box.scaleBy((1 / factor, 1 / factor))

    def show_cursor(self, place: tuple[int, int] | None) -> None:
        """Frame the position that the keyboard points at, and bring it into view; None for none."""
        self._cursor.setVisible(place is not None)
        if place is None:
            return
        row, column = place
        self._cursor.setRect(QRectF(column, row, 1, 1))
        top, left, height, width = self.visible
        if not (top <= row < top + height and left <= column < left + width):
            rect = self.view_box.viewRect()
            rect.moveCenter(QPointF(column + 0.5, row + 0.5))
            self.view_box.setRange(rect, padding=0)
        self.hovered.emit(row, column)

    @property
    def title(self) -> str:
        """Title of the figure."""
        return str(self.view.accessibleName())

    @property
    def picture(self) -> Picture | None:
        """The picture; None if there is none."""
        return self._picture

    def paint_on(self, painter: QPainter) -> None:
        """Paint the plot with its colour bar at screen size."""
        view, bar = self.view, self.colour_bar
        self.view.scene().prepareForPaint()
        view.scene().render(painter, QRectF(view.viewport().rect()), view.viewRect())
        painter.save()
        painter.translate(bar.x() - view.x(), 0)
        bar.paint_on(painter)
        painter.restore()

    def numbers(self) -> dict[str, NDArray[np.generic]]:
        """Return the values of the picture (rows, columns); NaN where there is nothing."""
        picture = self._picture
        if picture is None:
            return {}
        index_HW = picture.index_HW.astype(np.float32)
        values_HW = picture.low + (index_HW - 1) / 254 * (picture.high - picture.low)
        if picture.scale == "log":
            values_HW = 10**values_HW
        values_HW[picture.index_HW == 0] = np.nan
        return {picture.label.replace(" ", "_"): values_HW}

    def clear(self) -> None:
        """Draw nothing."""
        self._picture = None
        self.image_item.hide()
        self._shape = ()
        self.colour_bar.clear()

    def reset_view(self) -> None:
        """Show the whole picture."""
        if self._shape:
            height, width = self._shape
            self.view_box.setRange(
                QRectF(0, 0, width * (2.06 if self._beside else 1), height), padding=0.01
            )

    @property
    def reduction(self) -> int:
        """Canvas pixels per screen pixel, per side; a power of two."""
        across = float(self.view_box.viewPixelSize()[0])
        return 1 if across <= _SHARP else 2 ** math.ceil(math.log2(across))

    def _on_range_changed(self) -> None:
        if self.reduction != self._reduction:
            self._reduction = self.reduction
            self.zoomed.emit()
        self.moved.emit()

    def set_faded(self, faded: bool) -> None:
        """Fade the picture."""
        self.image_item.setOpacity(0.35 if faded else 1.0)

    def set_background(self, colour: str) -> None:
        """Set the background colour."""
        self.view.setBackground(colour)

    def leaveEvent(self, event: object) -> None:
        """Emit that the pointer has left."""
        self.left.emit()

    def _on_clicked(self, click: Any) -> None:  # noqa: ANN401 - pyqtgraph has no types
        """Emit the clicked position; reset the view on a double click."""
        if click.double():
            self.reset_view()
        elif click.button() == Qt.MouseButton.LeftButton:
            place = self._place_at(click.scenePos())
            if place is not None:
                self.clicked.emit(*place)

    def _on_moved(self, position: QPointF) -> None:
        place = self._place_at(position)
        if place is not None:
            self.hovered.emit(*place)
        elif self._shape:
            self.left.emit()

    def _place_at(self, position: QPointF) -> tuple[int, int] | None:
        """Return row and column of the canvas at a scene position."""
        if not self._shape:
            return None
        point = self.view_box.mapSceneToView(position)
        row, column = int(np.floor(point.y())), int(np.floor(point.x()))
        is_inside = 0 <= row < self._shape[0] and 0 <= column < self._shape[1]
        return (row, column) if is_inside else None

    @property
    def visible(self) -> tuple[int, int, int, int]:
        """Row, column, height and width of the visible part of the canvas."""
        rect = self.view_box.viewRect()
        top, left = max(0, math.floor(rect.top())), max(0, math.floor(rect.left()))
        bottom = min(self._shape[0] if self._shape else 0, math.ceil(rect.bottom()))
        right = min(self._shape[1] if self._shape else 0, math.ceil(rect.right()))
        return top, left, max(0, bottom - top), max(0, right - left)


class ColourBar(Guarded, QWidget):
    """The colour bar."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._picture: Picture | None = None
        self._gradient = QImage()
        self._table = np.zeros((0, 3), np.uint8)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        named(self, "colour_bar", "Colour bar")

    def show_scale(self, picture: Picture, table: NDArray[np.uint8]) -> None:
        """Show the scale of a picture."""
        known, self._picture = self._picture, picture
        scale = (picture.low, picture.high, picture.label, picture.palette)
        same = known is not None and scale == (known.low, known.high, known.label, known.palette)
        if not same or not np.array_equal(table, self._table):
            self._table = table
            self._set_gradient(table)

    def clear(self) -> None:
        """Hide the scale."""
        self._picture = None
        self.update()

    def sizeHint(self) -> QSize:
        """Return a size with room for the bar and its numbers."""
        return QSize(round(_BAR_WIDTH_EM * self.fontMetrics().height()), 120)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the bar with labels at its ends and its middle."""
        self.paint_on(QPainter(self))

    def paint_on(self, painter: QPainter) -> None:
        """Paint the contents of the widget."""
        picture = self._picture
        if picture is None:
            return
        font = painter.font()
        font.setPointSizeF(_FONT_SHARE * self.font().pointSizeF())
        painter.setFont(font)
        line = painter.fontMetrics().height()
        top, bottom = line + 8, self.height() - line - 4
        bar = QRectF(4, top, 14, max(20, bottom - top))
        text = self.palette().color(self.foregroundRole())
        painter.setPen(text)
        painter.drawText(QRectF(0, 0, self.width(), line), _LEFT, _short(picture.label))
        if picture.legend:
            self._paint_legend(painter, bar, line, picture.legend)
            return
        painter.drawImage(bar, self._gradient)
        above = math.inf
        for share, label in bar_ticks(picture):
            y = bar.bottom() - share * bar.height()
            if above - y < line:  # a low bar has room for fewer labels
                continue
            above = y
            place = QRectF(bar.right() + 4, y - line / 2, self.width(), line)
            painter.drawText(place, _LEFT, label)

    def _paint_legend(
        self, painter: QPainter, bar: QRectF, line: int, legend: tuple[tuple[str, int], ...]
    ) -> None:
        """Paint a box for each category."""
        for number, (label, index) in enumerate(legend):
            box = QRectF(bar.left(), bar.top() + number * (line + 8), 14, line)
            painter.fillRect(box, QColor(*self._table[index].tolist()))
            place = QRectF(box.right() + 4, box.top(), self.width(), line)
            painter.drawText(place, _LEFT, label)

    def _set_gradient(self, table: NDArray[np.uint8]) -> None:
        column = np.ascontiguousarray(table[:0:-1])
        self._gradient = QImage(column.data, 1, 255, 3, QImage.Format.Format_RGB888).copy()
        self.update()


def _frame_pen(colour: QColor) -> QPen:
    """Return a pen with constant width at any zoom."""
    pen = QPen(colour, 2)
    pen.setCosmetic(True)
    return pen


_FONT_SHARE = 0.85
# Room for the bar and its numbers, in heights of a line.
_BAR_WIDTH_EM = 4.6
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


def _short(label: str) -> str:
    return {"fraction kept": "kept", "kept": ""}.get(label, label)
