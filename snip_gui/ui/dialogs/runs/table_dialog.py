"""A dialog with a table to copy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from snip_gui.core.reports.text_tables import FORMATS
from snip_gui.ui.widgets.naming import named
from snip_gui.ui.widgets.plain_text import Label

if TYPE_CHECKING:
    from snip_gui.core.reports.text_tables import Table

_MOST_WIDTH = (320, 190)  # of the first column, and of the others


class TableDialog(QDialog):
    """Shows a table, or a sentence if it is empty.

    Parameters
    ----------
    empty
        Text to show if there are no rows.
    """

    def __init__(self, title: str, table: Table, empty: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("table_dialog")
        self.setWindowTitle(title)
        self._content = table
        column = QVBoxLayout(self)
        if table.rows:
            column.addWidget(self._make_table(table), 1)
        else:
            label = named(Label(empty), "table_empty", title)
            label.setProperty("role", "empty")
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            column.addWidget(label, 1)
        row = QHBoxLayout()
        for name in FORMATS if table.rows else ():
            button = named(QPushButton(f"Copy as {name}"), f"copy_{name.lower()}", f"Copy {name}")
            button.setProperty("format", name)
            button.setAutoDefault(False)
            button.clicked.connect(self._on_copy)
            row.addWidget(button)
        row.addStretch()
        close = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        close.rejected.connect(self.reject)
        row.addWidget(close)
        column.addLayout(row)
        self.resize(min(1000, 360 + 190 * (len(table.headers) - 1)), 380)

    def _make_table(self, table: Table) -> QTableWidget:
        shown = named(
            QTableWidget(len(table.rows), len(table.headers)), "table", self.windowTitle()
        )
        shown.setHorizontalHeaderLabels(table.headers)
        shown.verticalHeader().hide()
        shown.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        for row, cells in enumerate(table.rows):
            for column, cell in enumerate(cells):
                shown.setItem(row, column, QTableWidgetItem(cell))
        shown.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        shown.horizontalHeader().setTextElideMode(Qt.TextElideMode.ElideMiddle)
        shown.resizeColumnsToContents()
        for column in range(len(table.headers)):
            width = shown.columnWidth(column)
            shown.setColumnWidth(column, min(width, _MOST_WIDTH[min(column, 1)]))
        return shown

    @Slot()
    def _on_copy(self) -> None:
        name = self.sender().property("format")
        QGuiApplication.clipboard().setText(FORMATS[name](self._content))
