"""The decimal mark of number fields."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QLocale, QObject, Slot

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from snip_gui.session.state.session_state import SessionState

_LANGUAGES = {"point": QLocale.Language.English, "comma": QLocale.Language.German}


class NumberStyle(QObject):
    """Applies the preferred decimal mark to the window, and to dialogs opened later."""

    def __init__(self, state: SessionState, window: QWidget) -> None:
        super().__init__(window)
        self._state, self._window = state, window
        self._name = ""
        state.preferences_changed.connect(self._apply)
        self._apply()

    @Slot()
    def _apply(self) -> None:
        name = self._state.preferences.numbers
        if name == self._name:
            return
        self._name = name
        language = _LANGUAGES.get(name)
        locale = QLocale.system() if language is None else QLocale(language)
        # The default is for widgets without a parent, such as dialogs.
        QLocale.setDefault(locale)
        self._window.setLocale(locale)
