"""The dialog before opening a checkpoint: what it is, and which network to open it as."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QVBoxLayout,
    QWidget,
)

from snip_gui.core.base.text import sparsity_text
from snip_gui.core.data.sets.catalogue import DATASETS
from snip_gui.core.models.networks import find_network
from snip_gui.core.runs.listing import method_title
from snip_gui.ui.widgets.naming import named, text_label

if TYPE_CHECKING:
    from snip_gui.core.models.events import CheckpointFound
    from snip_gui.core.recipe.recipe import Recipe


class ImportDialog(QDialog):
    """Shows what was found, and asks for confirmation."""

    requested = Signal(object, object)  # CheckpointFound, Recipe

    def __init__(
        self, found: CheckpointFound, current: Recipe, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("import_dialog")
        self.setWindowTitle("Open checkpoint")
        self._found = found
        heading = text_label(found.path.name, "import_file", "File")
        heading.setProperty("role", "heading")
        self.network = named(QComboBox(), "import_network", "Network")
        for recipe in found.recipes:
            self.network.addItem(find_network(recipe.model).title)
        self.network.currentIndexChanged.connect(self._update)
        self._mask = text_label("", "import_mask", "Mask")
        self._then = text_label("", "import_then", "What happens next")
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        holds = f"{found.num_values:,} values in {found.num_tensors:,} tensors"
        kind = f"{found.title}, under “{found.key}”" if found.key else found.title
        form.addRow("Kind", text_label(f"{kind}: {holds}", "import_kind", "Kind"))
        form.addRow("Network", self.network)
        form.addRow("Mask", self._mask)
        form.addRow("Origin", text_label(self._origin(), "import_origin", "Origin"))
        standard = QDialogButtonBox.StandardButton
        buttons = QDialogButtonBox(standard.Open | standard.Cancel)
        self.open_button = named(buttons.button(standard.Open), "start_import", "Open")
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setSpacing(12)
        column.addWidget(heading)
        column.addLayout(form)
        column.addWidget(self._then)
        column.addWidget(buttons)
        self._is_other_data = found.recipes[0].data != current.data
        self._update()
        self.resize(560, column.totalHeightForWidth(560))
        self.open_button.setDefault(True)
        self.open_button.setFocus()

    def accept(self) -> None:
        """Open the checkpoint."""
        self.requested.emit(self._found, self._recipe())
        super().accept()

    def _recipe(self) -> Recipe:
        return self._found.recipes[max(0, self.network.currentIndex())]

    def _origin(self) -> str:
        """Return what the file states about its origin, as text."""
        found = self._found
        if not found.knows_recipe:
            return "The file does not say."
        recipe = found.recipes[0]
        text = f"On {DATASETS[recipe.data.name].title}, seed {recipe.seed}"
        errors = dict(found.errors)
        return f"{text}; test error {errors['test']:.2%}" if "test" in errors else text

    @Slot()
    def _update(self) -> None:
        recipe = self._recipe()
        what = "weights and biases" if "bias" in recipe.pruning.prunable else "weights"
        words = sparsity_text(recipe.pruning.sparsity)
        self._mask.setText(f"From {self._found.mask_from}: {words} of the {what} removed")
        data = DATASETS[recipe.data.name].title
        change = f" The data set changes to {data}." if self._is_other_data else ""
        self._then.setText(
            f"The weights and their mask open with {data}, ranked by "
            f"{method_title(recipe).lower()}. Train continues from these weights under this "
            f"mask; Export saves them again.{change} This can be undone."
        )
