"""The table of runs: sorting, selection, editing in place, and the order of its columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QPoint, Qt, Signal, Slot
from PySide6.QtWidgets import QHeaderView, QTableView, QWidget

from snip_gui.ui.runs.columns import COLUMNS, NUMBERS, column_order
from snip_gui.ui.runs.runs_model import ENTRY_ROLE, SORT_ROLE, RunsModel, SortedRuns
from snip_gui.ui.widgets.naming import named
from snip_gui.ui.widgets.pictures.curve_delegate import CurveDelegate

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from PySide6.QtGui import QMouseEvent

    from snip_gui.core.runs.listing import RunEntry

_SETTINGS_WIDTH = 200
_ROW_HEIGHT = 24


class RunTable(QTableView):
    """Runs in rows; the columns in which they differ come first, until the user moves one."""

    star_asked = Signal(object)  # RunEntry
    menu_asked = Signal(QPoint)  # in global coordinates

    def __init__(self, model: RunsModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        named(self, "runs_table", "Runs")
        self._model = model
        self.sorted = SortedRuns(model, self)
        self.sorted.setSortRole(SORT_ROLE)
        self._is_arranging = self._is_arranged_by_hand = False
        self.setModel(self.sorted)
        self.setSortingEnabled(True)
        self.sortByColumn(NUMBERS["made"], Qt.SortOrder.DescendingOrder)
        self.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QTableView.SelectionMode.ExtendedSelection)
        triggers = QTableView.EditTrigger
        self.setEditTriggers(triggers.EditKeyPressed | triggers.DoubleClicked)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)  # names may differ at their end
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(_ROW_HEIGHT)
        header = self.horizontalHeader()
        header.setSectionsMovable(True)
        header.setMinimumSectionSize(24)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        for number, column in enumerate(COLUMNS):
            self.setColumnWidth(number, column.width)
        self.setColumnWidth(len(COLUMNS), _SETTINGS_WIDTH)
        delegate = CurveDelegate(lambda index: index.data(ENTRY_ROLE).curve, self)
        self.setItemDelegateForColumn(NUMBERS["curve"], delegate)
        header.sectionMoved.connect(self._on_section_moved)
        self.clicked.connect(self._on_clicked)
        self.customContextMenuRequested.connect(self._on_menu)

    # Contents

    def show_runs(self, entries: Collection[RunEntry]) -> None:
        """Show runs; remaining ones keep their selection."""
        self._model.show_runs(entries)
        if not self._is_arranged_by_hand:
            self._arrange(entries)

    def _arrange(self, entries: Collection[RunEntry]) -> None:
        """Move the columns in which the runs differ to the front."""
        has_settings = self._model.has_settings
        header = self.horizontalHeader()
        header.setSectionHidden(len(COLUMNS), not has_settings)
        self._is_arranging = True
        for place, name in enumerate(column_order(entries, has_settings)):
            header.moveSection(header.visualIndex(NUMBERS.get(name, len(COLUMNS))), place)
        self._is_arranging = False

    @Slot()
    def _on_section_moved(self) -> None:
        self._is_arranged_by_hand |= not self._is_arranging

    # Selection

    def selected(self) -> list[RunEntry]:
        """Return the selected runs, in the order shown."""
        rows = sorted(self.selectionModel().selectedRows(), key=QModelIndex.row)
        return [row.data(ENTRY_ROLE) for row in rows]

    def shown(self) -> list[RunEntry]:
        """Return the runs that match the filter, in the order shown."""
        count = self.sorted.rowCount()
        return [self.sorted.index(row, 0).data(ENTRY_ROLE) for row in range(count)]

    def select(self, folder: Path) -> None:
        """Select a run and scroll to it, if it is shown."""
        for row, entry in enumerate(self.shown()):
            if entry.folder == folder:
                self.selectRow(row)
                self.scrollTo(self.sorted.index(row, NUMBERS["name"]))

    def edit_cell(self, name: str) -> None:
        """Edit a cell of the first selected run."""
        rows = self.selectionModel().selectedRows(NUMBERS[name])
        if rows:
            self.setFocus()
            self.scrollTo(rows[0])
            self.edit(rows[0])

    # Pointer

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Deselect all with a click below the last row."""
        if not self.indexAt(event.position().toPoint()).isValid():
            self.clearSelection()
        super().mousePressEvent(event)

    @Slot(QModelIndex)
    def _on_clicked(self, index: QModelIndex) -> None:
        if index.column() == NUMBERS["star"]:
            self.star_asked.emit(index.data(ENTRY_ROLE))

    @Slot(QPoint)
    def _on_menu(self, place: QPoint) -> None:
        if self.indexAt(place).isValid():
            self.menu_asked.emit(self.viewport().mapToGlobal(place))
