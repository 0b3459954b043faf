"""A plot of an indexed picture with zoom, pan, hover and a colour bar."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPoint, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import QGraphicsRectItem, QHBoxLayout, QStyleOptionGraphicsItem, QWidget

from snip_gui.ui.widgets.describing.describer import Describer
from snip_gui.ui.widgets.describing.words import picture_words
from snip_gui.ui.widgets.naming import named
from snip_gui.ui.widgets.painting.paint_box import PaintBox
from snip_gui.ui.widgets.pictures.colour_bar import ColourBar
from snip_gui.ui.widgets.pictures.picture_keys import PictureKeys

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from snip_gui.core.views.picture import Picture


# Up to here single pixels are distinguishable.
_SHARP = 1.25
# Brightness of an image under a picture.
_UNDER = 0.4
# Opacity of edits, so that kept and removed are still told apart under them.
_EDIT_ALPHA = 210


class PicturePlot(QWidget):
    """Shows a `Picture` with square pixels and row 0 at the top."""

    hovered = Signal(int, int)  # row, column of the canvas
    clicked = Signal(int, int)
    left = Signal()
    zoomed = Signal()  # another reduction is appropriate
    moved = Signal()  # another part is visible
    menu_asked = Signal(int, int, QPoint)  # row, column, place on the screen

    def __init__(
        self, name: str = "heatmap", title: str = "Heatmap", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._shape: tuple[int, ...] = ()
        self._reduction = 1
        self._picture: Picture | None = None
        self.view = named(pg.GraphicsView(), f"{name}_view", title)
        self.view_box = PaintBox(lockAspect=True, invertY=True, enableMenu=False)
        self.view.setCentralItem(self.view_box)
        self.image_item = pg.ImageItem(axisOrder="row-major")
        self.view_box.addItem(self.image_item)
        self.view_box.setDefaultPadding(0.01)
        self.companion_item = pg.ImageItem(axisOrder="row-major")
        self.companion_item.setZValue(-1)
        self.companion_item.hide()
        self.view_box.addItem(self.companion_item)
        self.edit_item = pg.ImageItem(axisOrder="row-major")
        self.edit_item.setZValue(0.5)
        self.edit_item.hide()
        self.view_box.addItem(self.edit_item)
        self._edit_colours = (QColor(), QColor())
        self._beside = False
        self._marks: list[Frame] = []
        self._mark_colour = QColor()
        self._cursor = Frame(QColor("#ffffff"))
        self._cursor.setZValue(2)
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
        self._place: tuple[tuple[int, int], tuple[int, int]] = ((1, 1), (0, 0))
        Describer(self.view, lambda: picture_words(self._picture, *self._place))

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
        self._picture, self._place = picture, (block, origin)
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

    def show_edits(
        self,
        state_HW: NDArray[np.uint8] | None,
        block: tuple[int, int] = (1, 1),
        origin: tuple[int, int] = (0, 0),
    ) -> None:
        """Draw over the picture what is kept (1) and removed (2) by hand; None for nothing.

        ``block`` and ``origin`` are those of `show_picture`.
        """
        is_shown = state_HW is not None and bool(state_HW.any())
        self.edit_item.setVisible(is_shown)
        self.colour_bar.show_edits(self._edit_colours if is_shown else ())
        if state_HW is None or not is_shown:
            return
        table = np.zeros((256, 4), np.uint8)
        for index, colour in enumerate(self._edit_colours, 1):
            table[index] = (colour.red(), colour.green(), colour.blue(), _EDIT_ALPHA)
        self.edit_item.setImage(state_HW, levels=(0, 255), lut=table, autoLevels=False)
        height, width = state_HW.shape
        self.edit_item.setRect(QRectF(origin[1], origin[0], width * block[1], height * block[0]))

    def set_edit_colours(self, kept: str, removed: str) -> None:
        """Set the colours of what is kept and removed by hand."""
        self._edit_colours = QColor(kept), QColor(removed)

    def show_marks(self, rectangles: Sequence[tuple[int, int, int, int]]) -> None:
        """Frame rectangles of the canvas, given by row, column, height and width."""
        for item in self._marks[len(rectangles) :]:
            self.view_box.removeItem(item)
        del self._marks[len(rectangles) :]
        while len(self._marks) < len(rectangles):
            item = Frame(self._mark_colour)
            item.setZValue(1)
            self._marks.append(item)
            self.view_box.addItem(item, ignoreBounds=True)
        for item, (row, column, height, width) in zip(self._marks, rectangles, strict=True):
            item.setRect(QRectF(column, row, width, height))

    def set_mark_colour(self, colour: str) -> None:
        """Set the colour of the frames."""
        self._mark_colour = QColor(colour)
        for item in self._marks:
            item.set_colour(self._mark_colour)

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
        self.edit_item.hide()
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
        elif click.button() == Qt.MouseButton.RightButton:
            place = self._place_at(click.scenePos())
            if place is not None:
                self.menu_asked.emit(*place, click.screenPos().toPoint())

    def ask_menu(self, row: int, column: int) -> None:
        """Ask for the menu of a position that the keyboard points at."""
        point = self.view_box.mapViewToScene(QPointF(column + 0.5, row + 0.5))
        on_screen = self.view.viewport().mapToGlobal(self.view.mapFromScene(point))
        self.menu_asked.emit(row, column, on_screen)

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


class Frame(QGraphicsRectItem):
    """A frame that is seen on any picture: a line with a halo, of constant width at any zoom."""

    def __init__(self, colour: QColor) -> None:
        super().__init__()
        self.set_colour(colour)

    def set_colour(self, colour: QColor) -> None:
        """Set the colour of the line; the halo is black around a light one, otherwise white."""
        halo = QColor("#000000" if colour.lightnessF() > _LIGHT else "#ffffff")
        self._halo = _cosmetic(halo, 5)
        self.setPen(_cosmetic(colour, 2))
        self.update()

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionGraphicsItem,
        widget: QWidget | None = None,
    ) -> None:
        """Paint the halo, then the line."""
        painter.setPen(self._halo)
        painter.drawRect(self.rect())
        super().paint(painter, option, widget)


_LIGHT = 0.5


def _cosmetic(colour: QColor, width: int) -> QPen:
    """Return a pen with constant width at any zoom."""
    pen = QPen(colour, width)
    pen.setCosmetic(True)
    return pen
