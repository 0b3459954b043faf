"""The table model of a confusion matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor

from snip_gui.ui.widgets.guarded import Guarded
from snip_gui.ui.widgets.plain_text import plain_tip

if TYPE_CHECKING:
    from snip_gui.core.execution.mistakes import Confusion

_RIGHT_COLOUR, _WRONG_COLOUR = "#0072b2", "#d55e00"


class ConfusionModel(Guarded, QAbstractTableModel):
    """Rows are true classes and columns predicted ones; pairs that do not occur are blank."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._classes: tuple[str, ...] = ()
        self._counts: dict[tuple[int, int], int] = {}
        self._most_wrong = 1

    def show_confusion(self, classes: tuple[str, ...], confusion: Confusion) -> None:
        """Show counts; the colour is stronger the more images of a class are misclassified."""
        true, predicted = confusion.true_C.tolist(), confusion.predicted_C.tolist()
        pairs = zip(true, predicted, strict=True)
        self.beginResetModel()
        self._classes = classes
        self._counts = dict(zip(pairs, confusion.counts_C.tolist(), strict=True))
        wrong = (count for (row, column), count in self._counts.items() if row != column)
        self._most_wrong = max(wrong, default=1)
        self.endResetModel()

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's own
        """Return the number of classes."""
        return 0 if parent.isValid() else len(self._classes)

    def columnCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's own
        """Return the number of classes."""
        return 0 if parent.isValid() else len(self._classes)

    def data(
        self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        """Return what a cell shows; nothing for a pair that does not occur."""
        row, column = index.row(), index.column()
        count = self._counts.get((row, column))
        if count is None:
            return None
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return f"{count:,}"
            case Qt.ItemDataRole.TextAlignmentRole:
                return Qt.AlignmentFlag.AlignCenter
            case Qt.ItemDataRole.ToolTipRole:
                pair = f"{self._classes[row]} classified as {self._classes[column]}"
                return plain_tip(f"{pair}: {count:,}")
            case Qt.ItemDataRole.BackgroundRole:
                colour = QColor(_RIGHT_COLOUR if row == column else _WRONG_COLOUR)
                colour.setAlphaF(0.15 if row == column else 0.15 + 0.55 * count / self._most_wrong)
                return colour
        return None

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        """Return the name of a class."""
        return self._classes[section] if role == Qt.ItemDataRole.DisplayRole else None
