"""A check box that is one of the preferences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QCheckBox

from snip_gui.ui.widgets.naming import named

if TYPE_CHECKING:
    from snip_gui.session.controller import Controller


class PreferenceBox(QCheckBox):
    """Shows and changes a preference, wherever else it is changed."""

    def __init__(self, controller: Controller, name: str, text: str, tip: str) -> None:
        super().__init__(text)
        named(self, name, text, tip)
        self._controller, self._name = controller, name
        self._show()
        self.toggled.connect(self._on_toggled)
        controller.state.preferences_changed.connect(self._show)

    @Slot()
    def _show(self) -> None:
        self.setChecked(getattr(self._controller.state.preferences, self._name))

    @Slot(bool)
    def _on_toggled(self, is_checked: bool) -> None:
        if is_checked != getattr(self._controller.state.preferences, self._name):
            self._controller.prefer(**{self._name: is_checked})
