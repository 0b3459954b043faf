"""The dialog to extend a finished run: number of epochs and learning rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QVBoxLayout,
    QWidget,
)

from snip_gui.core.recipe.fields import field
from snip_gui.ui.widgets.field_form import FieldForm
from snip_gui.ui.widgets.naming import named
from snip_gui.ui.widgets.plain_text import Label

if TYPE_CHECKING:
    from snip_gui.core.recipe.recipe import Recipe

_EPOCHS, _RATE = "training.added_epochs", "training.added_rate"
_FEW = 5


class ExtendDialog(QDialog):
    """Asks for epochs and a learning rate."""

    requested = Signal(int, float)

    def __init__(self, name: str, recipe: Recipe, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("extend_dialog")
        self.setWindowTitle("Extend")
        training = recipe.training
        what = Label(
            f"Trains a copy of {name} for more epochs after its {recipe.num_epochs}, starting "
            "from its final weights. The new recipe includes the extra epochs, so running it "
            "from the start gives the same result."
        )
        what.setWordWrap(True)
        # A second extension keeps the rate of the first: a recipe has one rate for all extra
        # epochs.
        self._values: dict[str, object] = {_EPOCHS: _FEW, _RATE: training.added_rate}
        self.form = FieldForm((field(_EPOCHS), field(_RATE)))
        self.form.show_values(self._values)
        self.form.edited.connect(self._values.__setitem__)
        self.form.editor(_EPOCHS).setProperty("minimum", 1)
        self.form.editor(_RATE).setEnabled(not training.added_epochs)
        standard = QDialogButtonBox.StandardButton
        buttons = QDialogButtonBox(standard.Ok | standard.Cancel)
        self.start = named(buttons.button(standard.Ok), "start_extension", "Train the extra epochs")
        self.start.setText("Train")
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setSpacing(12)
        column.addWidget(what)
        column.addWidget(self.form)
        column.addWidget(buttons)
        self.resize(420, self.sizeHint().height())

    def accept(self) -> None:
        """Start training."""
        self.requested.emit(self._values[_EPOCHS], self._values[_RATE])
        super().accept()
