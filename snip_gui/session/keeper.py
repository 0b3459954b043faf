"""Saves recipe and preferences for the next start whenever they change.

The program may end without closing, by a kill or a power failure. Only changes are written, so that
two windows do not overwrite each other's.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from snip_gui.core.base.files import write_text
from snip_gui.core.recipe.json import encode_recipe
from snip_gui.session.kept.writer import KeptWriter
from snip_gui.session.state.notices import Notice
from snip_gui.session.state.preferences import save_preferences

if TYPE_CHECKING:
    from pathlib import Path

    from snip_gui.core.recipe.recipe import Recipe
    from snip_gui.session.state.preferences import Preferences
    from snip_gui.session.state.session_state import SessionState

SESSION = "session.json"
PREFERENCES = "preferences.json"


class SessionKeeper(QObject):
    """Writes every change of recipe and preferences within two seconds.

    Parameters
    ----------
    folder
        Folder of the files.
    """

    def __init__(self, state: SessionState, folder: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state, self._folder = state, folder
        self._in_file = state.preferences
        self._writer = KeptWriter(self)
        self._writer.failed.connect(self._on_failed)
        self._complaint = ""
        state.recipe_changed.connect(self._on_recipe_changed)
        if not (folder / SESSION).exists():
            self._on_recipe_changed()
        state.preferences_changed.connect(self._on_preferences_changed)

    def finish(self) -> bool:
        """Write pending changes; return whether everything is on disk."""
        return self._writer.finish()

    @Slot()
    def _on_recipe_changed(self) -> None:
        write = partial(_write_recipe, self._folder / SESSION, self._state.recipe)
        self._writer.write_soon(SESSION, write)

    @Slot()
    def _on_preferences_changed(self) -> None:
        write = partial(self._write_preferences, self._state.preferences)
        self._writer.write_soon(PREFERENCES, write)

    def _write_preferences(self, preferences: Preferences) -> None:
        """Write changes since the last call; runs in the writer's thread, one call at a time."""
        save_preferences(self._folder / PREFERENCES, preferences, self._in_file)
        self._in_file = preferences

    @Slot(str)
    def _on_failed(self, complaint: str) -> None:
        """Report a failure once, not after every change."""
        if complaint != self._complaint:
            self._complaint = complaint
            text = f"Recipe and preferences cannot be saved for the next start. {complaint}"
            self._state.notices.add(Notice("problem", text))


def _write_recipe(path: Path, recipe: Recipe) -> None:
    write_text(path, encode_recipe(recipe))
