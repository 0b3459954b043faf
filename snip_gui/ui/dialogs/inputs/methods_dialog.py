"""The dialog with all pruning methods: what each does, what it needs, and its own settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from snip_gui.core.recipe.methods import METHODS
from snip_gui.core.recipe.methods.needs import find_needs
from snip_gui.ui.widgets.naming import named
from snip_gui.ui.widgets.plain_text import Label

if TYPE_CHECKING:
    from snip_gui.core.recipe.methods.needs import Needs

_HEADERS = ("Method", "Images", "Pretraining", "Prunes", "Own settings")


class MethodsDialog(QDialog):
    """A table of methods, with a description of the chosen one below."""

    def __init__(self, chosen: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("methods_dialog")
        self.setWindowTitle("Pruning methods")
        self._needs: list[Needs] = [find_needs(method) for method in METHODS]
        self.table = named(
            QTableWidget(len(self._needs), len(_HEADERS)), "methods_table", "Pruning methods"
        )
        self.table.setHorizontalHeaderLabels(_HEADERS)
        self.table.verticalHeader().hide()
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QTableWidget.SelectionMode.SingleSelection)
        for row, (method, needs) in enumerate(zip(METHODS, self._needs, strict=True)):
            cells = (
                method.title, needs.images, "yes" if needs.pretraining else "no", needs.pruning,
                f"{len(needs.settings)}",
            )  # fmt: skip
            for column, text in enumerate(cells):
                self.table.setItem(row, column, QTableWidgetItem(text))
        self.table.resizeColumnsToContents()
        self.table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.about = named(Label(), "method_about", "About the method")
        self.about.setWordWrap(True)
        self.about.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.about.setMinimumHeight(7 * self.about.fontMetrics().lineSpacing())
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setText("Use this method")
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self.table.activated.connect(self.accept)
        self.table.currentCellChanged.connect(self._show_about)
        column_layout = QVBoxLayout(self)
        column_layout.addWidget(self.table, 1)
        column_layout.addWidget(self.about)
        column_layout.addWidget(self.buttons)
        self.table.setCurrentCell(max(0, list(METHODS.names).index(chosen)), 0)
        self.resize(640, 600)

    @property
    def name(self) -> str:
        """The name of the chosen method."""
        return METHODS.names[self.table.currentRow()]

    @Slot()
    def _show_about(self) -> None:
        method, needs = METHODS[self.name], self._needs[self.table.currentRow()]
        parts = [f"{method.description} {needs.text}"]
        if method.optimizer:
            parts.append("Needs Adam, with a learning rate near 0.001.")
        if needs.settings:
            parts.append(f"Settings: {', '.join(field.label for field in needs.settings)}.")
        self.about.setText("\n\n".join(parts))
