"""A table model with one value per row, of which cells are functions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from snip_gui.ui.widgets.guarded import Guarded

if TYPE_CHECKING:
    from collections.abc import Callable

Row = TypeVar("Row")

_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


@dataclass(frozen=True, slots=True)
class Column(Generic[Row]):
    """A column.

    Attributes
    ----------
    text
        Returns the text of a cell.
    tip
        Tool tip of the column's title.
    is_number
        Whether it is right-aligned.
    """

    title: str
    text: Callable[[Row], str]
    tip: str = ""
    is_number: bool = False


class RowsModel(Guarded, QAbstractTableModel, Generic[Row]):
    """Shows rows; updates of the same rows keep selection and scroll position.

    Parameters
    ----------
    columns
        The columns, from left to right.
    key
        Returns the identity of a row, such as its name.
    tip
        Returns the tool tip of a row.
    """

    def __init__(
        self,
        columns: tuple[Column[Row], ...],
        key: Callable[[Row], object],
        tip: Callable[[Row], str],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._columns, self._key, self._tip = columns, key, tip
        self.rows: tuple[Row, ...] = ()

    def show_rows(self, rows: tuple[Row, ...]) -> None:
        """Replace the rows."""
        if [self._key(row) for row in rows] != [self._key(row) for row in self.rows]:
            self.beginResetModel()
            self.rows = rows
            self.endResetModel()
        else:
            self.rows = rows
            self.refresh()

    def refresh(self) -> None:
        """Redraw every cell."""
        if self.rows:
            last = self.index(len(self.rows) - 1, len(self._columns) - 1)
            self.dataChanged.emit(self.index(0, 0), last)

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's own
        """Return the number of rows."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's own
        """Return the number of columns."""
        return 0 if parent.isValid() else len(self._columns)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        """Return the title, tool tip or alignment of a column."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        column = self._columns[section]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return column.title
            case Qt.ItemDataRole.ToolTipRole:
                return column.tip
            case Qt.ItemDataRole.TextAlignmentRole:
                return _RIGHT if column.is_number else _LEFT
        return None

    def data(
        self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        """Return the data of a cell."""
        row, column = self.rows[index.row()], self._columns[index.column()]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return column.text(row)
            case Qt.ItemDataRole.ToolTipRole:
                return self._tip(row)
            case Qt.ItemDataRole.TextAlignmentRole:
                return _RIGHT if column.is_number else _LEFT
        return None
