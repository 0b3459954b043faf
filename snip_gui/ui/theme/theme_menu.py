"""The menu of themes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Slot
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu, QWidget

if TYPE_CHECKING:
    from snip_gui.session.controller import Controller
    from snip_gui.session.state.preferences import Theme
    from snip_gui.ui.theme.theme import Themes

_WISHES: tuple[tuple[Theme, str], ...] = (
    ("system", "Follow system"),
    ("light", "Light"),
    ("dark", "Dark"),
)


class ThemeMenu(QMenu):
    """Light, dark, or following the system."""

    def __init__(self, controller: Controller, themes: Themes, parent: QWidget) -> None:
        super().__init__("&Theme", parent)
        self._controller, self._themes = controller, themes
        self._group = QActionGroup(self)
        for wish, text in _WISHES:
            action = self.addAction(text)
            action.setObjectName(f"action_theme_{wish}")
            action.setCheckable(True)
            action.setData(wish)
            action.setChecked(controller.state.preferences.theme == wish)
            self._group.addAction(action)
        self._group.triggered.connect(self._on_wished)
        controller.state.preferences_changed.connect(self._on_preferences_changed)

    @Slot(QAction)
    def _on_wished(self, action: QAction) -> None:
        self._controller.prefer(theme=action.data())

    @Slot()
    def _on_preferences_changed(self) -> None:
        wish = self._controller.state.preferences.theme
        self._themes.apply(wish)
        for action in self._group.actions():
            action.setChecked(action.data() == wish)
