"""A button that shows the ticked choices of its menu."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QMenu, QSizePolicy, QToolButton

from snip_gui.ui.widgets.plain_text import plain_name, plain_tip

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QAction

_NAMED = 2


class CheckMenu(QToolButton):
    """Any number of choices, such as the layers of a network.

    Parameters
    ----------
    prefix
        Beginning of the names of the menu's actions.
    plural
        What the choices are called.
    """

    edited = Signal()

    def __init__(self, prefix: str, plural: str = "layers") -> None:
        super().__init__()
        self._prefix, self._plural = prefix, plural
        self._actions: dict[str, QAction] = {}
        self._menu = QMenu(self)
        self.setMenu(self._menu)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._show_text()

    def set_choices(self, choices: Sequence[tuple[str, str]]) -> None:
        """Replace the choices, if they have changed."""
        if tuple(self._actions) == tuple(value for value, _ in choices):
            return
        self._menu.clear()
        self._actions = {}
        for value, label in choices:
            action = self._menu.addAction(plain_name(label))
            action.setToolTip(plain_tip(label))
            action.setObjectName(f"{self._prefix}_{value}")
            action.setCheckable(True)
            action.triggered.connect(self._on_triggered)
            self._actions[value] = action
        self._show_text()

    def values(self) -> tuple[str, ...]:
        """Return the ticked values, in the order of the choices."""
        return tuple(value for value, action in self._actions.items() if action.isChecked())

    def show_values(self, values: Sequence[str]) -> None:
        """Tick exactly these, without emitting a signal."""
        for value, action in self._actions.items():
            action.setChecked(value in values)
        self._show_text()

    def _on_triggered(self) -> None:
        self._show_text()
        self.edited.emit()

    def _show_text(self) -> None:
        ticked = self.values()
        if not ticked:
            self.setText("none")
        else:
            names = plain_name(", ".join(ticked))
            self.setText(names if len(ticked) <= _NAMED else f"{len(ticked)} {self._plural}")
