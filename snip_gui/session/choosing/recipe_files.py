"""Opens and saves recipe files in the io lane, and remembers recent ones."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from snip_gui.core.base.resources import resource
from snip_gui.core.recipe.json import load_recipe
from snip_gui.core.runs.recipe_files import RecipeOpened, RecipeSaved
from snip_gui.session.jobs.lazily import lazily
from snip_gui.session.state.notices import Notice

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from snip_gui.core.base.events import Event
    from snip_gui.core.recipe.recipe import Recipe
    from snip_gui.session.jobs.host import JobHost
    from snip_gui.session.jobs.job import JobEnded
    from snip_gui.session.kept.recents import Recents
    from snip_gui.session.state.session_state import SessionState


class RecipeFiles(QObject):
    """Opens and saves recipe files, which may be on a slow disk or refer to large files.

    Parameters
    ----------
    edit
        Makes a recipe the current one, with a text for the undo menu.
    """

    saved = Signal(object)  # the Recipe that is in the file

    def __init__(
        self,
        state: SessionState,
        host: JobHost,
        recents: Recents,
        edit: Callable[[Recipe, str], None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._state, self._host, self.recents, self._edit = state, host, recents, edit

    def new(self) -> None:
        """Start again from the recipe of the first start, as a single undo step."""
        self._edit(load_recipe(resource("recipes", "eights.json")), "New recipe")

    def open(self, path: Path) -> None:
        """Open a recipe file as the current recipe, or report a problem in place."""
        self._state.status.set_problem(None)
        folder = self._state.preferences.environment.image_folders[0]
        job = lazily("snip_gui.core.runs.recipe_files:open_recipe", path, folder)
        opening = self._host.submit("open_recipe", job, lane="io", short=True)
        opening.happened.connect(self._on_event)
        opening.ended.connect(functools.partial(self._on_opening_ended, path))

    def save(self, path: Path) -> None:
        """Write the current recipe to a file, or report a problem in place."""
        self._state.status.set_problem(None)
        folders = self._state.preferences.environment.image_folders
        job = lazily(
            "snip_gui.core.runs.recipe_files:save_recipe", self._state.recipe, path, folders
        )
        saving = self._host.submit("save_recipe", job, lane="io", short=True, replaces=False)
        saving.happened.connect(self._on_event)

    @Slot(object)
    def _on_event(self, event: Event) -> None:
        match event:
            case RecipeOpened(path, recipe):
                self._edit(recipe, f"Open {path.name}")
                self._state.notices.info(f"Opened {path}.")
                self._log_if(self.recents.add(path))
            case RecipeSaved(path, recipe):
                self._state.notices.info(f"Saved {path}.")
                self._log_if(self.recents.add(path))
                self.saved.emit(recipe)

    def _on_opening_ended(self, path: Path, ended: JobEnded) -> None:
        if ended.outcome == "failed":
            self._log_if(self.recents.remove(path))

    def _log_if(self, text: str) -> None:
        if text:
            self._state.notices.add(Notice("problem", text))
