"""A slider over the epochs of a training run, whose end follows the current weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSignalBlocker, Qt, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QSlider, QWidget

from snip_gui.ui.widgets.naming import named
from snip_gui.ui.widgets.plain_text import Label

if TYPE_CHECKING:
    from collections.abc import Sequence


class Timeline(QWidget):
    """Selects the snapshot of a training run to show."""

    moved = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._epochs: Sequence[float] = ()
        self.slider = named(
            QSlider(Qt.Orientation.Horizontal), "timeline", "Epoch",
            "Show the weights after an earlier epoch; at the right end they follow the training",
        )  # fmt: skip
        self.slider.setMaximum(0)
        self.slider.valueChanged.connect(self._on_moved)
        self._text = named(Label(), "timeline_text", "Epoch shown")
        self._text.setProperty("role", "muted")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.slider, 1)
        row.addWidget(self._text)
        self._show_text()

    @property
    def number(self) -> int:
        """Index of the shown snapshot; -1 for the end."""
        return -1 if self.slider.value() == self.slider.maximum() else self.slider.value()

    def show_epochs(self, epochs: Sequence[float]) -> None:
        """Update the snapshots; the slider stays at the end, or at its epoch."""
        shown = None if self.number < 0 else self._epochs[self.number]
        self._epochs = epochs
        last = max(0, len(epochs) - 1)
        with QSignalBlocker(self.slider):
            self.slider.setMaximum(last)
            self.slider.setValue(
                last if shown is None
                else min(range(len(epochs)), key=lambda n: abs(epochs[n] - shown), default=0)
            )  # fmt: skip
        self._show_text()

    @Slot(int)
    def _on_moved(self, _value: int) -> None:
        self._show_text()
        self.moved.emit()

    def _show_text(self) -> None:
        self.slider.setEnabled(len(self._epochs) > 1)
        if not self._epochs:
            self._text.setText("not trained yet")
        elif self.number < 0:
            self._text.setText(f"now, epoch {self._epochs[-1]:.1f}")
        else:
            self._text.setText(f"epoch {self._epochs[self.number]:.1f}")
