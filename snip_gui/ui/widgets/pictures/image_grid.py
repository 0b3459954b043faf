"""A virtualised grid of thumbnails, in which 60,000 scroll as smoothly as 60."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from PySide6.QtCore import (
    QAbstractListModel,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import QColor, QPainter, QPalette, QPen, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from snip_gui.ui.widgets.describing.describer import Describer
from snip_gui.ui.widgets.describing.words import EMPTY
from snip_gui.ui.widgets.guarded import Guarded
from snip_gui.ui.widgets.pictures.array_image import to_qimage

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

PictureSource: TypeAlias = "Callable[[int], NDArray[np.uint8] | None]"
"""Returns the pixels (C, H, W) of an image by index; None while they are being read."""

Describe: TypeAlias = "Callable[[int], str]"
"""Returns the description of an image by index: ``Image 12 of class 3``."""

_INDEX_ROLE = Qt.ItemDataRole.UserRole
_MARKED_ROLE = Qt.ItemDataRole.UserRole + 1
_SETTLE_MS = 400
_FIT_MS = 40  # a window that is being resized lays out once, not at every step
_NO_INDICES = np.zeros(0, np.int64)


def _no_picture(_number: int) -> None:
    """Return None for every index."""


class ImageModel(Guarded, QAbstractListModel):
    """Images of a data set by index; pixels are read only when drawn."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._picture: PictureSource = _no_picture
        self._describe: Describe = str
        self._shown = _NO_INDICES
        self._marked: set[int] = set()

    def set_images(self, picture: PictureSource, describe: Describe) -> None:
        """Replace the data set that indices refer to; nothing is shown until `show_indices`."""
        self.beginResetModel()
        self._picture, self._describe = picture, describe
        self._shown = _NO_INDICES
        self.endResetModel()

    def show_indices(self, indices: NDArray[np.int64]) -> None:
        """Show images in a given order."""
        if np.array_equal(indices, self._shown):
            return
        self.beginResetModel()
        self._shown = indices
        self.endResetModel()

    @property
    def shown(self) -> NDArray[np.int64]:
        """Indices of the shown images, in order."""
        return self._shown

    def find_row(self, number: int) -> int:
        """Return the row of an index, or of the next larger one, if ascending indices are shown."""
        return int(np.searchsorted(self._shown, number))

    def mark(self, indices: NDArray[np.int64]) -> None:
        """Mark images, such as those already chosen."""
        self._marked = set(indices.tolist())
        if len(self._shown):
            self.dataChanged.emit(self.index(0), self.index(len(self._shown) - 1), [_MARKED_ROLE])

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's own
        """Return the number of shown images."""
        return 0 if parent.isValid() else len(self._shown)

    def data(
        self,
        index: QModelIndex | QPersistentModelIndex,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> object:
        """Return the picture, index or description of an image."""
        number = int(self._shown[index.row()])
        match role:
            case Qt.ItemDataRole.DecorationRole:
                pixels_CHW = self._picture(number)
                return None if pixels_CHW is None else to_qimage(pixels_CHW)
            case Qt.ItemDataRole.ToolTipRole | Qt.ItemDataRole.AccessibleTextRole:
                chosen = ", in the minibatch" if number in self._marked else ""
                return f"{self._describe(number)}{chosen}"
        if role == _INDEX_ROLE:
            return number
        if role == _MARKED_ROLE:
            return number in self._marked
        return None


class _ThumbnailDelegate(Guarded, QStyledItemDelegate):
    """Paints a picture, with a frame if selected and a dot if marked."""

    def __init__(self, side: int, parent: QWidget) -> None:
        super().__init__(parent)
        self._size = QSize(side, side)

    def sizeHint(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        """Return the size of every thumbnail."""
        return self._size

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        """Paint a thumbnail."""
        image = index.data(Qt.ItemDataRole.DecorationRole)
        place = option.rect.adjusted(2, 2, -2, -2)
        if image is None:  # being read
            painter.fillRect(place, option.palette.color(QPalette.ColorRole.AlternateBase))
        else:
            size = image.size().scaled(place.size(), Qt.AspectRatioMode.KeepAspectRatio)
            centred = QRect(QPoint(), size)
            centred.moveCenter(place.center())
            painter.drawImage(centred, image)
        palette: QPalette = option.palette
        accent = palette.color(QPalette.ColorRole.Highlight)
        if index.data(_MARKED_ROLE):
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(QColor("#ffffff"), 1))
            painter.setBrush(accent)
            painter.drawEllipse(QRect(place.right() - 9, place.top() + 1, 8, 8))
            painter.setBrush(Qt.BrushStyle.NoBrush)
        state = option.state
        if state & QStyle.StateFlag.State_Selected:
            painter.setPen(QPen(accent, 3))
            painter.drawRect(place)
        elif state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(QPen(accent, 1, Qt.PenStyle.DashLine))
            painter.drawRect(place)


class ImageGrid(QListView):
    """Thumbnails in rows, with multiple selection."""

    selection_changed = Signal(int)  # number of selected images
    image_selected = Signal(int)  # index of the only selected image

    def __init__(self, side: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.images = ImageModel(self)
        self.setModel(self.images)
        self.setItemDelegate(_ThumbnailDelegate(side, self))
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setMovement(QListView.Movement.Static)
        # Qt drops the remaining batches if the view adjusts to its own scroll bar meanwhile.
        self.setResizeMode(QListView.ResizeMode.Fixed)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        # Without these three settings, laying out 60,000 items takes seconds.
        self.setUniformItemSizes(True)
        self.setGridSize(QSize(side, side))
        self.setLayoutMode(QListView.LayoutMode.Batched)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.selectionModel().selectionChanged.connect(self._on_selection_changed)
        self.images.modelReset.connect(self._on_selection_changed)
        self._goal = -1
        self.images.modelReset.connect(self._on_reset)
        # Images are laid out in batches, so a distant scroll position is not available at once.
        self.verticalScrollBar().rangeChanged.connect(self._approach)
        self.verticalScrollBar().actionTriggered.connect(self._forget_goal)
        self._settled = QTimer(self, singleShot=True, interval=_SETTLE_MS)
        self._settled.timeout.connect(self._forget_goal)
        self._fit = QTimer(self, singleShot=True, interval=_FIT_MS)
        self._fit.timeout.connect(self._lay_out)
        Describer(self, self._words)

    def _words(self) -> str:
        """Return how many images there are, and how many are selected."""
        number = self.images.rowCount()
        selected = len(self.selectionModel().selectedIndexes())
        return f"{number:,} images, {selected:,} selected" if number else EMPTY

    def selected_indices(self) -> list[int]:
        """Return the indices of the selected images."""
        return sorted(index.data(_INDEX_ROLE) for index in self.selectedIndexes())

    def top_index(self) -> int:
        """Return the index of the first visible image; -1 if there is none."""
        first = self.indexAt(QPoint(self.spacing() + 4, 4))
        return int(first.data(_INDEX_ROLE)) if first.isValid() else -1

    def scroll_to_index(self, number: int) -> None:
        """Scroll to the image of an index, or the next larger one, once it is laid out."""
        self._goal = self.images.find_row(number)
        self._approach()

    def _approach(self) -> None:
        """Scroll to the target row once the layout has reached it."""
        if self._goal < 0:
            return
        cell, room = self.gridSize(), self.viewport().size()
        in_line = max(1, (room.width() - 1) // cell.width())  # as Qt does
        num_lines = -(-self.images.rowCount() // in_line)
        bottom = max(0, num_lines * cell.height() - room.height())
        offset = min(self._goal // in_line * cell.height(), bottom)
        # The target is kept until the layout is complete: after a reset the scroll range is stale
        # at first and then grows again, and a target beyond it would be lost.
        self.verticalScrollBar().setValue(min(offset, self.verticalScrollBar().maximum()))
        self._settled.start()

    def _forget_goal(self) -> None:
        self._goal = -1

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Lay the images out again if another number of them fits into a line."""
        super().resizeEvent(event)
        cell = self.gridSize().width()
        if (event.size().width() - 1) // cell != (event.oldSize().width() - 1) // cell:
            self._fit.start()

    def _lay_out(self) -> None:
        """Lay the images out, keeping the first visible one in view."""
        if self._goal < 0 and self.top_index() >= 0:
            self._goal = self.images.find_row(self.top_index())
        self.doItemsLayout()
        self._approach()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scroll; scrolling by the user cancels the target."""
        self._forget_goal()
        super().wheelEvent(event)

    def _on_reset(self) -> None:
        self._goal = -1
        self.scrollToTop()

    def select_rows(self, rows: range) -> None:
        """Select images by row."""
        model = self.selectionModel()
        model.clearSelection()
        for row in rows:
            model.select(self.images.index(row), QItemSelectionModel.SelectionFlag.Select)

    def _on_selection_changed(self) -> None:
        selected = self.selectedIndexes()
        self.selection_changed.emit(len(selected))
        if len(selected) == 1:
            self.image_selected.emit(selected[0].data(_INDEX_ROLE))
