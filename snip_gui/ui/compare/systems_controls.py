"""What to compare: systems, sparsities, seeds and the budget."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLineEdit, QSpinBox, QWidget

from snip_gui.core.recipe.methods import METHODS
from snip_gui.core.studies.systems.systems import SPARSITIES, system_names
from snip_gui.ui.widgets.editors.check_menu import CheckMenu
from snip_gui.ui.widgets.layouts.wrapping_row import WrappingRow
from snip_gui.ui.widgets.naming import named
from snip_gui.ui.widgets.plain_text import Label

_MOST_PASSES = 100_000


class SystemsControls(QWidget):
    """The settings of a comparison in a row that wraps."""

    edited = Signal()
    entered = Signal()  # Return was pressed

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.systems = named(
            CheckMenu("system", "systems"), "systems_chosen", "Systems",
            "SNIP, and the methods that prune while they train",
        )  # fmt: skip
        self.systems.set_choices([(name, METHODS[name].title) for name in system_names()])
        self.systems.show_values(system_names())
        self.systems.setFixedWidth(130)
        self.sparsities = _line(
            " ".join(f"{100 * one:g}" for one in SPARSITIES[1:]), "systems_sparsities",
            "Sparsities in percent", "For systems that reach a chosen sparsity; the others are "
            "compared at several values of a setting of their own", 80,
        )  # fmt: skip
        self.seeds = _line("0", "systems_seeds", "Seeds", "For example 0, 1, 2 or 0-4", 70)
        self.passes = named(
            QSpinBox(), "systems_passes", "Passes",
            "How often each system may pass over the training images, all its phases together",
        )  # fmt: skip
        self.passes.setRange(1, _MOST_PASSES)
        self.passes.setSpecialValueText("own schedule")
        self.passes.setValue(20)
        self.limit = _line(
            "", "systems_limit", "Time limit", "When to stop, such as 30min. The answer is that of "
            "the runs that have ended; the rest continues next time", 70,
        )  # fmt: skip
        self.limit.setPlaceholderText("none")
        row = WrappingRow(self)
        for text, widget in (
            ("Systems", self.systems),
            ("at", self.sparsities),
            ("%, seeds", self.seeds),
            ("passes", self.passes),
            ("time limit", self.limit),
        ):
            label = Label(text)
            label.setBuddy(widget)
            row.addWidget(label)
            row.addWidget(widget)
        self.systems.edited.connect(self.edited)
        self.passes.valueChanged.connect(self.edited)
        for line in (self.sparsities, self.seeds, self.limit):
            line.textChanged.connect(self.edited)
            line.returnPressed.connect(self.entered)

    @property
    def num_passes(self) -> int:
        """Passes of each system; 0 for its own schedule."""
        value = self.passes.value()
        return 0 if value == self.passes.minimum() else value


def _line(text: str, name: str, title: str, tip: str, width: int) -> QLineEdit:
    line = named(QLineEdit(text), name, title, tip)
    line.setFixedWidth(width)
    return line
