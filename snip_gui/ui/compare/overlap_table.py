"""The table of the overlap of two masks, by layer and in total."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from snip_gui.ui.widgets.rows_model import Column, RowsModel

if TYPE_CHECKING:
    from typing import TypeAlias

    from snip_gui.core.comparing.comparison import Comparison, Overlap

    OverlapRow: TypeAlias = tuple[str, Overlap]

_COLUMNS: tuple[Column[OverlapRow], ...] = (
    Column("Layer", lambda row: row[0], "Each layer; the last row is the whole network"),
    Column(
        "Overlap",
        lambda row: f"{row[1].jaccard:.1%}",
        "Jaccard index: connections kept by both, divided by those kept by A or B",
        is_number=True,
    ),
    Column(
        "Chance",
        lambda row: f"{row[1].chance:.1%}",
        "Expected overlap of two random masks that keep as many connections in each layer",
        is_number=True,
    ),
    Column("Both", lambda row: f"{row[1].both:,}", "Connections kept by both", is_number=True),
    Column(
        "Only A",
        lambda row: f"{row[1].only_a:,}",
        "Connections kept by A but not by B",
        is_number=True,
    ),
    Column(
        "Only B",
        lambda row: f"{row[1].only_b:,}",
        "Connections kept by B but not by A",
        is_number=True,
    ),
)


class OverlapModel(RowsModel["OverlapRow"]):
    """One row per layer, and one for the whole network."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(_COLUMNS, lambda row: row[0], _describe, parent)

    def show_comparison(self, found: Comparison | None) -> None:
        """Show a comparison, or an empty table."""
        self.show_rows((*found.layers.items(), ("all", found.whole)) if found is not None else ())

    def data(
        self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        """Return the data of a cell; the last row is bold."""
        if role == Qt.ItemDataRole.FontRole and index.row() == len(self.rows) - 1:
            font = QFont()
            font.setBold(True)
            return font
        return super().data(index, role)


def _describe(row: OverlapRow) -> str:
    name, overlap = row
    return (
        f"{name}: of {overlap.total:,} connections, A keeps {overlap.kept_a:,} and B keeps "
        f"{overlap.kept_b:,}; {overlap.neither:,} are kept by neither. The overlap differs from "
        f"chance by {overlap.excess:+.1%}."
    )


class OverlapTable(QTableView):
    """The table, with columns fitted to their contents."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.overlaps = OverlapModel(self)
        self.setModel(self.overlaps)
        style_table(self)


def style_table(table: QTableView) -> None:
    """Style a table for whole rows and fitted columns."""
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
