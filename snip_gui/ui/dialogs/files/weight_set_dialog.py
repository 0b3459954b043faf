"""The dialog to choose among several sets of weights in a file: the latest, an average."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QListWidget, QVBoxLayout, QWidget

from snip_gui.ui.widgets.naming import named
from snip_gui.ui.widgets.plain_text import Label

if TYPE_CHECKING:
    from snip_gui.core.models.events import SeveralFound


class WeightSetDialog(QDialog):
    """Lists the sets of weights by key."""

    chosen = Signal(object, str)  # path, key

    def __init__(self, found: SeveralFound, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("weight_set_dialog")
        self.setWindowTitle("Choose weights")
        self._found = found
        text = Label(f"“{found.path.name}” holds several sets of weights. Choose one.")
        text.setWordWrap(True)
        self.list = named(QListWidget(), "weight_sets", "Sets of weights")
        for one in found.sets:
            self.list.addItem(f"{one.key or '(top level)'}: {one.num_values:,} values")
        self.list.setCurrentRow(0)
        self.list.itemActivated.connect(self.accept)
        standard = QDialogButtonBox.StandardButton
        buttons = QDialogButtonBox(standard.Ok | standard.Cancel)
        self.ok_button = named(buttons.button(standard.Ok), "use_weight_set", "Use these weights")
        self.ok_button.setText("Use these weights")
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        for widget in (text, self.list, buttons):
            column.addWidget(widget)
        self.resize(420, 260)

    @Slot()
    def accept(self) -> None:
        """Use the chosen set."""
        self.chosen.emit(self._found.path, self._found.sets[self.list.currentRow()].key)
        super().accept()
