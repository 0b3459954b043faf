"""The sweep dialog: sparsities, seeds, and the resulting number of runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QGridLayout,
    QLineEdit,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from snip_gui.core.base.environment import MOST_THREADS
from snip_gui.core.base.errors import UserError
from snip_gui.core.recipe.fields import METHOD
from snip_gui.core.recipe.sweeps import SPARSITIES, parse_seeds, parse_sparsities, sweep
from snip_gui.ui.widgets.fitting import fit_contents
from snip_gui.ui.widgets.layouts.scrolled import Scrolled
from snip_gui.ui.widgets.naming import named, text_label
from snip_gui.ui.widgets.plain_text import Label

if TYPE_CHECKING:
    from snip_gui.core.recipe.recipe import Recipe


_COLUMNS = 3  # of methods


class SweepDialog(QDialog):
    """Creates many recipes from one.

    Parameters
    ----------
    num_at_once
        Number of runs to train at once.
    cluster
        Address of the Dask cluster that trains; empty for processes on this machine.
    """

    requested = Signal(object, int)  # tuple[Recipe, ...], number to train at once

    def __init__(
        self,
        recipe: Recipe,
        title: str,
        num_at_once: int = 1,
        parent: QWidget | None = None,
        *,
        cluster: str = "",
    ) -> None:
        super().__init__(parent)
        self._recipe = recipe
        self.setObjectName("sweep_dialog")
        self.setWindowTitle("Sweep")
        what = Label(
            f"Trains {title} for {recipe.num_epochs} "
            f"{'epoch' if recipe.num_epochs == 1 else 'epochs'}, with the settings as they "
            "are, once at each sparsity with each seed. Runs that exist are not repeated."
        )
        what.setWordWrap(True)
        self.sparsities = named(
            QLineEdit(SPARSITIES),
            "sweep_sparsities",
            "Sparsities",
            "In percent; 0 is the dense network",
        )
        self.seeds = named(
            QLineEdit(str(recipe.seed)), "sweep_seeds", "Seeds", "For example 0, 1, 2 or 0-2"
        )
        own = recipe.pruning.method
        self.methods = {
            name: named(
                QCheckBox(label),
                f"sweep_{name}",
                label,
                "Repeat the sweep with masks from these methods",
            )
            for name, label in METHOD.choices
            if name != own
        }
        self.at_once = named(
            QSpinBox(),
            "sweep_at_once",
            "Runs at once",
            "1 trains in this window, one after another, and draws the curves. More are trained "
            "by as many processes in the background, which continue if the window is closed.",
        )
        self.at_once.setRange(1, MOST_THREADS)
        self.at_once.setValue(num_at_once)
        self._number = named(Label(), "sweep_number", "Number of runs")
        self._number.setWordWrap(True)
        form = QFormLayout()
        form.addRow("Sparsities, %", self.sparsities)
        form.addRow("Seeds", self.seeds)
        form.addRow("Also train with", self._make_methods())
        if cluster:
            form.addRow(
                "Trained by", text_label(f"Dask cluster {cluster}", "sweep_cluster", "Cluster")
            )
        else:
            form.addRow("Runs at once", self.at_once)
        standard = QDialogButtonBox.StandardButton
        buttons = QDialogButtonBox(standard.Ok | standard.Cancel)
        self.start = named(buttons.button(standard.Ok), "start_sweep", "Train all runs")
        self.start.setText("Train")
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setSpacing(12)
        column.addWidget(what)
        column.addLayout(form)
        column.addWidget(self._number)
        column.addWidget(buttons)
        self.sparsities.textChanged.connect(self._on_text)
        self.seeds.textChanged.connect(self._on_text)
        self._on_text()
        fit_contents(self)

    def _make_methods(self) -> Scrolled:
        """Return the boxes of the methods in columns, which scroll on a small screen."""
        boxes = QWidget()
        grid = QGridLayout(boxes)
        grid.setContentsMargins(0, 0, 0, 0)
        for number, box in enumerate(self.methods.values()):
            grid.addWidget(box, *divmod(number, _COLUMNS))
            box.toggled.connect(self._on_text)
        return Scrolled(boxes)

    def accept(self) -> None:
        """Start the sweep."""
        self.requested.emit(self._recipes(), self.at_once.value())
        super().accept()

    def _recipes(self) -> tuple[Recipe, ...]:
        sparsities = parse_sparsities(self.sparsities.text())
        methods = [name for name, box in self.methods.items() if box.isChecked()]
        return sweep(self._recipe, sparsities, parse_seeds(self.seeds.text()), methods)

    @Slot()
    def _on_text(self) -> None:
        """Show the resulting number of runs, or what is wrong."""
        try:
            number = len(self._recipes())
        except UserError as error:
            text, role = str(error), "error"
        else:
            text, role = f"{number:,} {'run' if number == 1 else 'runs'}", "muted"
        self.start.setEnabled(role == "muted")
        self._number.setText(text)
        self._number.setProperty("role", role)
        self._number.style().polish(self._number)
