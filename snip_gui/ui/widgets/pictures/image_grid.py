"""A virtualised grid of thumbnails: 60,000 scroll as well as 60."""

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
from PySide6.QtGui import QColor, QPainter, QPalette, QPen, QWheelEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from snip_gui.ui.widgets.guarded import Guarded
from snip_gui.ui.widgets.pictures.array_image import to_qimage

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

Picture: TypeAlias = "Callable[[int], NDArray[np.uint8] | None]"
"""Returns the pixels (C, H, W) of an image by its index; None while they are being read."""

Describe: TypeAlias = "Callable[[int], str]"
"""Returns what an image is, by its index: ``Image 12 of class 3``."""

_INDEX_ROLE = Qt.ItemDataRole.UserRole
_MARKED_ROLE = Qt.ItemDataRole.UserRole + 1
_SETTLE_MS = 400
_NO_INDICES = np.zeros(0, np.int64)


def _no_picture(_number: int) -> None:
    """Know no image."""


class ImageModel(Guarded, QAbstractListModel):
    """Some of the images of a set, by their index; pixels are read only when drawn."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._picture: Picture = _no_picture
        self._describe: Describe = str
        self._shown = _NO_INDICES
        self._marked: set[int] = set()

    def set_images(self, picture: Picture, describe: Describe) -> None:
        """Replace the set that indices refer to; nothing is shown until `show_indices`."""
        self.beginResetModel()
        self._picture, self._describe = picture, describe
        self._shown = _NO_INDICES
        self.endResetModel()

    def show_indices(self, indices: NDArray[np.int64]) -> None:
        """Show these images, in this order."""
        if np.array_equal(indices, self._shown):
            return
        self.beginResetModel()
        self._shown = indices
        self.endResetModel()

    @property
    def shown(self) -> NDArray[np.int64]:
        """The indices of the images shown, in their order."""
        return self._shown

    def find_row(self, number: int) -> int:
        """Return where an index, or the next one, is among ascending ones that are shown."""
        return int(np.searchsorted(self._shown, number))

    def mark(self, indices: NDArray[np.int64]) -> None:
        """Mark these images, such as those already chosen."""
        self._marked = set(indices.tolist())
        if len(self._shown):
            self.dataChanged.emit(self.index(0), self.index(len(self._shown) - 1), [_MARKED_ROLE])

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's own
        """Return how many images are shown."""
        return 0 if parent.isValid() else len(self._shown)

    def data(
        self,
        index: QModelIndex | QPersistentModelIndex,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> object:
        """Return the picture, the index or a description of an image."""
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
    """Paints a picture, a frame around selected ones and a dot on marked ones."""

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
        """Paint one thumbnail."""
        image = index.data(Qt.ItemDataRole.DecorationRole)
        place = option.rect.adjusted(2, 2, -2, -2)
        if image is None:  # on its way
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
    """Thumbnails in rows, many of which may be selected."""

    selection_changed = Signal(int)  # how many are selected

    def __init__(self, side: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.images = ImageModel(self)
        self.setModel(self.images)
        self.setItemDelegate(_ThumbnailDelegate(side, self))
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setMovement(QListView.Movement.Static)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        # Without these three, laying out 60,000 items takes seconds.
        self.setUniformItemSizes(True)
        self.setGridSize(QSize(side, side))
        self.setLayoutMode(QListView.LayoutMode.Batched)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.selectionModel().selectionChanged.connect(self._on_selection_changed)
        self.images.modelReset.connect(self._on_selection_changed)
        self._goal = -1
        self.images.modelReset.connect(self._on_reset)
        # Images are laid out in batches, so a place far down is not there at once.
        self.verticalScrollBar().rangeChanged.connect(self._approach)
        self.verticalScrollBar().actionTriggered.connect(self._forget_goal)
        self._settled = QTimer(self, singleShot=True, interval=_SETTLE_MS)
        self._settled.timeout.connect(self._forget_goal)

    def selected_indices(self) -> list[int]:
        """Return the indices of the selected images."""
        return sorted(index.data(_INDEX_ROLE) for index in self.selectedIndexes())

    def top_index(self) -> int:
        """Return the index of the first image in sight; -1 if there is none."""
        first = self.indexAt(QPoint(self.spacing() + 4, 4))
        return int(first.data(_INDEX_ROLE)) if first.isValid() else -1

    def scroll_to_index(self, number: int) -> None:
        """Bring the image of an index, or the next one, to the top, once it is laid out."""
        self._goal = self.images.find_row(number)
        self._approach()

    def _approach(self) -> None:
        """Scroll to the row that is wanted as soon as the layout has come so far."""
        if self._goal < 0:
            return
        cell, room = self.gridSize(), self.viewport().size()
        in_line = max(1, room.width() // cell.width())
        num_lines = -(-self.images.rowCount() // in_line)
        bottom = max(0, num_lines * cell.height() - room.height())
        offset = min(self._goal // in_line * cell.height(), bottom)
        # The goal stays until the layout has come to rest: after a reset the range is at first the
        # old one, then grows anew, and a place beyond it would be lost.
        self.verticalScrollBar().setValue(min(offset, self.verticalScrollBar().maximum()))
        self._settled.start()

    def _forget_goal(self) -> None:
        self._goal = -1

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scroll; whoever scrolls goes where they want."""
        self._forget_goal()
        super().wheelEvent(event)

    def _on_reset(self) -> None:
        self._goal = -1
        self.scrollToTop()

    def select_rows(self, rows: range) -> None:
        """Select images by their place in the grid."""
        model = self.selectionModel()
        model.clearSelection()
        for row in rows:
            model.select(self.images.index(row), QItemSelectionModel.SelectionFlag.Select)

    def _on_selection_changed(self) -> None:
        self.selection_changed.emit(len(self.selectionModel().selectedIndexes()))
