"""The list of pins: thumbnail of the input map, name, sparsity and number kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
    Signal,
    Slot,
)
from PySide6.QtGui import QImage, QPainter, QPalette
from PySide6.QtWidgets import (
    QAbstractItemView,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from snip_gui.core.base.text import short_count, size_text, sparsity_text
from snip_gui.core.views.input_map import map_picture
from snip_gui.ui.widgets.guarded import Guarded
from snip_gui.ui.widgets.pictures.array_image import to_qimage

if TYPE_CHECKING:
    from snip_gui.core.comparing.comparison import Mask
    from snip_gui.session.comparing.pins import Pin, Pins

_SIDE = 36
_DETAIL_ROLE = Qt.ItemDataRole.UserRole + 1


def map_image(mask: Mask) -> QImage | None:
    """Return the input map of a mask as a small image; None if the network has none."""
    fractions = mask.scored.input_fractions(mask.num_kept)
    if isinstance(fractions, str):
        return None
    return to_qimage(map_picture(fractions, "own-maximum").index_HW[None])


class PinModel(Guarded, QAbstractListModel):
    """One row per pin, with an editable name."""

    def __init__(self, pins: Pins, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pins = pins
        self._shown: tuple[Pin, ...] = ()
        self._images: dict[int, QImage | None] = {}
        pins.changed.connect(self._on_changed)
        self._on_changed()

    @Slot()
    def _on_changed(self) -> None:
        pins = self._pins.pins
        if [pin.number for pin in pins] == [pin.number for pin in self._shown]:
            self._shown = pins
            if pins:
                self.dataChanged.emit(self.index(0), self.index(len(pins) - 1))
            return
        self.beginResetModel()
        self._shown = pins
        self._images = {
            pin.number: self._images.get(pin.number) or map_image(pin.mask) for pin in pins
        }
        self.endResetModel()

    def pin_at(self, row: int) -> Pin:
        """Return the pin of a row."""
        return self._shown[row]

    def find_row(self, number: int) -> int:
        """Return the row of a pin; -1 if it is missing."""
        return next((row for row, pin in enumerate(self._shown) if pin.number == number), -1)

    def pin_image(self, number: int) -> QImage | None:
        """Return the input map of a pin."""
        return self._images.get(number)

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's own
        """Return the number of pins."""
        return 0 if parent.isValid() else len(self._shown)

    def flags(self, index: QModelIndex | QPersistentModelIndex) -> Qt.ItemFlag:
        """Return the flags of an editable row."""
        return super().flags(index) | Qt.ItemFlag.ItemIsEditable

    def data(
        self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        """Return the data of a row."""
        pin = self._shown[index.row()]
        sparsity = sparsity_text(pin.sparsity)
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return f"{index.row() + 1}  {pin.name}"
            case Qt.ItemDataRole.EditRole:
                return pin.name
            case Qt.ItemDataRole.DecorationRole:
                return self._images[pin.number]
            case Qt.ItemDataRole.ToolTipRole:
                own = size_text(pin.mask.scored.num_bytes)
                title = pin.mask.scored.model.title
                detail = f"{title}, {sparsity}, {pin.mask.num_kept:,} kept"
                return f"{pin.name}\n{detail}\n{own} of memory\nF2 renames"
            case _ if role == _DETAIL_ROLE:
                return f"{sparsity}, {short_count(pin.mask.num_kept)} kept"
        return None

    def setData(
        self,
        index: QModelIndex | QPersistentModelIndex,
        value: object,
        role: int = Qt.ItemDataRole.EditRole,
    ) -> bool:
        """Rename a pin; an empty name restores the automatic one."""
        pin = self._shown[index.row()]
        if role != Qt.ItemDataRole.EditRole or value == pin.name:
            return False
        self._pins.rename(pin.number, str(value))
        return True


class _PinDelegate(Guarded, QStyledItemDelegate):
    """Paints the input map, and beside it name and number kept."""

    def sizeHint(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        """Return the height of every row."""
        return QSize(80, _SIDE + 8)

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        """Paint a pin."""
        palette: QPalette = option.palette
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        if selected:
            painter.fillRect(option.rect, palette.highlight())
        place = option.rect.adjusted(4, 4, -4, -4)
        image = index.data(Qt.ItemDataRole.DecorationRole)
        square = QRect(place.left(), place.top(), _SIDE, _SIDE)
        if image is None:
            painter.fillRect(square, palette.alternateBase())
        else:
            painter.drawImage(square, image)
        left = square.right() + 7
        text = QRect(left, place.top(), place.right() - left, place.height() // 2)
        role = QPalette.ColorRole.HighlightedText if selected else QPalette.ColorRole.Text
        detail = role if selected else QPalette.ColorRole.PlaceholderText
        metrics = painter.fontMetrics()
        for what, colour in ((Qt.ItemDataRole.DisplayRole, role), (_DETAIL_ROLE, detail)):
            painter.setPen(palette.color(colour))
            shown = metrics.elidedText(index.data(what), Qt.TextElideMode.ElideRight, text.width())
            painter.drawText(text, Qt.AlignmentFlag.AlignVCenter, shown)
            text.translate(0, text.height())

    def updateEditorGeometry(
        self,
        editor: QWidget,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        """Extend the editor over the whole row, so that long names are legible."""
        editor.setObjectName("pin_name")
        editor.setAccessibleName("Pin name")
        editor.setGeometry(option.rect)


class PinList(QListView):
    """Pins in rows; F2 or a double click renames one, Delete removes it."""

    selection_changed = Signal()

    def __init__(self, pins: Pins, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.pins = PinModel(pins, self)
        self.setModel(self.pins)
        self.setItemDelegate(_PinDelegate(self))
        self.setEditTriggers(
            QAbstractItemView.EditTrigger.EditKeyPressed
            | QAbstractItemView.EditTrigger.DoubleClicked
        )
        self.setMinimumWidth(110)
        self.selectionModel().selectionChanged.connect(self.selection_changed)
        self.pins.modelReset.connect(self.selection_changed)

    def selected(self) -> Pin | None:
        """Return the selected pin."""
        chosen = self.selectedIndexes()
        return self.pins.pin_at(chosen[0].row()) if chosen else None
