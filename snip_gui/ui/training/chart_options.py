"""Chart options in the menu of a button, to leave room for the charts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSignalBlocker, Signal, Slot
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu, QToolButton

from snip_gui.core.reports.paper_curves import FIGURES
from snip_gui.ui.widgets.naming import named

if TYPE_CHECKING:
    from collections.abc import Sequence

AXES = ("epochs", "steps", "seconds")
QUANTITIES = (
    "error",
    "accuracy",
    "learning rate",
    "gradient norm",
    "weight norms",
    "kept",
    "steps per second",
)
"""What the right chart can show."""


class ChartOptions(QToolButton):
    """Choices of axis, smoothing and split; linear or logarithmic."""

    axes_changed = Signal()
    drawing_changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        named(
            self, "chart_options", "Charts",
            "Axes, right chart, smoothing, and the split on which runs are compared",
        )  # fmt: skip
        self.setText("Charts")
        self.setProperty("role", "compact")
        self._menu = QMenu(self)
        self.setMenu(self._menu)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._axis = self._add_group("axis", "Horizontal axis", AXES)
        self._quantity = self._add_group("quantity", "Right chart", QUANTITIES)
        self._log = self._menu.addAction("Logarithmic vertical axes")
        self._log.setObjectName("chart_log")
        self._log.setCheckable(True)
        self._log.setChecked(True)
        self._log.toggled.connect(self._on_axis)
        self._smoothing = self._add_group(
            "smoothing", "Smoothing of the training curve", ("0", "0.6", "0.9", "0.97")
        )
        self._split = self._add_group(
            "split", "Split shown for ticked runs", ("test", "validation", "train")
        )

        papers = self._menu.addMenu("The paper's losses")
        papers.setToolTipsVisible(True)
        self._figures = [self._add_figure(papers, number) for number in FIGURES]
        self.offer_figures(())

    @property
    def figures(self) -> tuple[int, ...]:
        """The paper's figures shown with the loss."""
        chosen = [a for a in self._figures if a.isChecked() and a.isEnabled()]
        return tuple(action.data() for action in chosen)

    def offer_figures(self, chosen: Sequence[int], *, offered: bool = False) -> None:
        """Set whether the paper has losses for the current run, and which are shown initially."""
        for action in self._figures:
            with QSignalBlocker(action):
                action.setEnabled(offered)
                action.setChecked(action.data() in chosen)

    @property
    def quantity(self) -> str:
        """The quantity in the right chart, one of `QUANTITIES`."""
        return self._quantity.checkedAction().text()

    @property
    def axis(self) -> str:
        """The quantity on the horizontal axis, one of `AXES`."""
        return self._axis.checkedAction().text()

    @property
    def is_log(self) -> bool:
        """Whether the vertical axes are logarithmic."""
        return self._log.isChecked()

    @property
    def smoothing(self) -> float:
        """Weight of the past in the training curve; 0 for no smoothing."""
        return float(self._smoothing.checkedAction().text())

    @property
    def split(self) -> str:
        """The split shown for ticked runs."""
        return self._split.checkedAction().text()

    def _add_figure(self, menu: QMenu, number: int) -> QAction:
        action = menu.addAction(f"Figure {number}")
        action.setObjectName(f"chart_figure_{number}")
        action.setData(number)
        action.setCheckable(True)
        action.setToolTip("LeNet-5-Caffe on MNIST, with true and shuffled labels")
        action.toggled.connect(self._on_drawing)
        return action

    def _add_group(self, name: str, title: str, choices: Sequence[str]) -> QActionGroup:
        """Add exclusive choices; the first is the default."""
        menu = self._menu.addMenu(title)
        group = QActionGroup(self)
        for choice in choices:
            action = QAction(choice, group)
            action.setObjectName(f"chart_{name}_{choice.replace(' ', '_')}")
            action.setCheckable(True)
            action.setChecked(choice == choices[0])
            menu.addAction(action)
        group.triggered.connect(self._on_axis if name in ("axis", "quantity") else self._on_drawing)
        return group

    @Slot()
    def _on_axis(self) -> None:
        self.axes_changed.emit()

    @Slot()
    def _on_drawing(self) -> None:
        self.drawing_changed.emit()
