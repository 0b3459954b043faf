"""How curves are drawn: a button with the choices in its menu, to leave the charts their room."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu, QToolButton

from snip_gui.ui.widgets.naming import named

if TYPE_CHECKING:
    from collections.abc import Sequence

AXES = ("epochs", "steps", "seconds")


class ChartOptions(QToolButton):
    """One choice each of axis, smoothing and split; linear or logarithmic."""

    axes_changed = Signal()
    drawing_changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        named(self, "chart_options", "Axes", "Axes, smoothing, and what runs are compared on")
        self.setText("Axes")
        self._menu = QMenu(self)
        self.setMenu(self._menu)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._axis = self._add_group("axis", "Horizontal axis", AXES)
        self._menu.addSection("Vertical axes")
        self._log = self._menu.addAction("Logarithmic")
        self._log.setObjectName("chart_log")
        self._log.setCheckable(True)
        self._log.toggled.connect(self._on_axis)
        self._smoothing = self._add_group(
            "smoothing", "Smoothing of the training curve", ("0", "0.6", "0.9", "0.97")
        )
        self._split = self._add_group(
            "split", "Ticked runs are shown for", ("test", "validation", "train")
        )

    @property
    def axis(self) -> str:
        """What lies along the horizontal axis, one of `AXES`."""
        return self._axis.checkedAction().text()

    @property
    def is_log(self) -> bool:
        """Whether the vertical axes are logarithmic."""
        return self._log.isChecked()

    @property
    def smoothing(self) -> float:
        """Weight of the past in the training curve; 0 shows it as measured."""
        return float(self._smoothing.checkedAction().text())

    @property
    def split(self) -> str:
        """Which images ticked runs are shown for."""
        return self._split.checkedAction().text()

    def _add_group(self, name: str, title: str, choices: Sequence[str]) -> QActionGroup:
        """Add choices of which one holds, the first at the beginning."""
        self._menu.addSection(title)
        group = QActionGroup(self)
        for choice in choices:
            action = QAction(choice, group)
            action.setObjectName(f"chart_{name}_{choice}")
            action.setCheckable(True)
            action.setChecked(choice == choices[0])
            self._menu.addAction(action)
        group.triggered.connect(self._on_axis if name == "axis" else self._on_drawing)
        return group

    @Slot()
    def _on_axis(self) -> None:
        self.axes_changed.emit()

    @Slot()
    def _on_drawing(self) -> None:
        self.drawing_changed.emit()
