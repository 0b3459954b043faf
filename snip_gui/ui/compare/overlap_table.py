"""The table of what two masks have in common, layer by layer and in all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

if TYPE_CHECKING:
    from snip_gui.core.comparing.comparison import Comparison, Overlap

_HEADERS = ("Layer", "Overlap", "Chance", "Both", "Only A", "Only B")
_TIPS = (
    "The layers, and the whole network last",
    "Jaccard index: kept by both, divided by kept by A or B",
    "The overlap of two random masks that keep as many of each layer",
    "Connections that both keep",
    "Connections that A keeps and B does not",
    "Connections that B keeps and A does not",
)


class OverlapModel(QAbstractTableModel):
    """One row for each layer, and one for the whole network."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows: tuple[tuple[str, Overlap], ...] = ()

    def show_comparison(self, found: Comparison | None) -> None:
        """Show a comparison, or nothing."""
        rows = (*found.layers.items(), ("all", found.whole)) if found is not None else ()
        same = [name for name, _ in rows] == [name for name, _ in self.rows]
        if not same:
            self.beginResetModel()
        self.rows = rows
        if not same:
            self.endResetModel()
        elif rows:
            self.dataChanged.emit(self.index(0, 0), self.index(len(rows) - 1, len(_HEADERS) - 1))

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's own
        """Return the number of rows."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's own
        """Return the number of columns."""
        return 0 if parent.isValid() else len(_HEADERS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        """Return a column's title and what it means."""
        if orientation == Qt.Orientation.Horizontal:
            match role:
                case Qt.ItemDataRole.DisplayRole:
                    return _HEADERS[section]
                case Qt.ItemDataRole.ToolTipRole:
                    return _TIPS[section]
                case Qt.ItemDataRole.TextAlignmentRole if section:
                    return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None

    def data(
        self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        """Return what a cell shows."""
        name, overlap = self.rows[index.row()]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return (
                    name,
                    f"{overlap.jaccard:.1%}",
                    f"{overlap.chance:.1%}",
                    f"{overlap.both:,}",
                    f"{overlap.only_a:,}",
                    f"{overlap.only_b:,}",
                )[index.column()]
            case Qt.ItemDataRole.ToolTipRole:
                return (
                    f"{name}: of {overlap.total:,} connections A keeps {overlap.kept_a:,} and B "
                    f"{overlap.kept_b:,}; {overlap.neither:,} are kept by neither. The overlap is "
                    f"{overlap.excess:+.1%} beside that of chance."
                )
            case Qt.ItemDataRole.TextAlignmentRole if index.column():
                return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            case Qt.ItemDataRole.FontRole if index.row() == len(self.rows) - 1:
                font = QFont()
                font.setBold(True)
                return font
        return None


class OverlapTable(QTableView):
    """The table; columns are as wide as what is in them."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.overlaps = OverlapModel(self)
        self.setModel(self.overlaps)
        style_table(self)


def style_table(table: QTableView) -> None:
    """Make a table a list of rows whose columns fit."""
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    table.setShowGrid(False)
    table.verticalHeader().hide()
    table.verticalHeader().setDefaultSectionSize(24)
    header = table.horizontalHeader()
    header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    header.setMinimumSectionSize(40)
    header.setHighlightSections(False)
    table.setMinimumHeight(24 * 4)
