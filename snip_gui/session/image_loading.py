"""Bringing the recipe's data set in, and what is kept of those that were opened before."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from snip_gui.core.data.catalogue import DATASETS
from snip_gui.core.data.loading import options_of
from snip_gui.core.data.store import num_bytes
from snip_gui.session import jobs
from snip_gui.session.notices import Notice
from snip_gui.session.state import Problem

if TYPE_CHECKING:
    from snip_gui.core.data.image_set import ImageSet
    from snip_gui.core.events import BadFile, FilesUnreadable, ImagesListed
    from snip_gui.core.recipe import Recipe
    from snip_gui.session.job_host import JobEnded, JobHost
    from snip_gui.session.preferences import Preferences
    from snip_gui.session.state import SessionState

_SETS_KEPT_BYTES = 2_000_000_000


@dataclass(frozen=True, slots=True)
class ImagesKey:
    """All that the images at hand depend on."""

    name: str
    folder: str = ""
    image_size: int = 0
    skip_unreadable: bool = False
    memory_bytes: int | None = None


def key_of(recipe: Recipe, preferences: Preferences) -> ImagesKey:
    """Return what the recipe's images depend on here."""
    data = recipe.data
    if data.name not in DATASETS.names:  # told when it is to be read
        return ImagesKey(data.name)
    info = DATASETS[data.name]
    if not info.needs_folder:
        return ImagesKey(data.name)
    if not info.has_files:
        return ImagesKey(data.name, preferences.data_folder)
    memory_bytes = preferences.surroundings.image_memory_bytes
    folder = preferences.data_folder
    return ImagesKey(data.name, folder, data.image_size, data.skip_unreadable, memory_bytes)


class ImageLoading:
    """One data set is wanted at a time; another that fails to open leaves the one before."""

    def __init__(self, state: SessionState, host: JobHost) -> None:
        self._state, self._host = state, host
        self._sets: OrderedDict[ImagesKey, ImageSet] = OrderedDict()
        self._wanted = key_of(state.recipe, state.preferences)
        self._opened: ImagesKey | None = None
        self._job_id = 0
        self._bad: tuple[BadFile, ...] = ()
        self.refused: ImagesKey | None = None

    def is_current(self, job_id: int) -> bool:
        """Whether a job reads the data set that is wanted."""
        return job_id == self._job_id

    def refresh(self) -> bool:
        """Load if recipe or preferences want other images now; return whether they are there."""
        if key_of(self._state.recipe, self._state.preferences) == self._wanted:
            return False
        return self.load()

    def load(self) -> bool:
        """Bring the recipe's data set in; return whether it is there at once."""
        self._host.cancel("load")
        self._job_id = 0
        key = key_of(self._state.recipe, self._state.preferences)
        self._wanted, self._bad = key, ()
        if key in self._sets:
            self._show(key)
            return True
        self._state.set_images_missing()
        surroundings = self._state.preferences.surroundings
        options = options_of(self._state.recipe.data, surroundings)
        job = jobs.load_job(key.name, surroundings.data_folder, options)
        # Long, so that thumbnails are decoded between its steps.
        self._job_id = self._host.submit("load", job, lane="io")
        return False

    def on_listed(self, listed: ImagesListed) -> None:
        """Show the files before they are read."""
        self._state.set_listing(listed.listing)

    def on_unreadable(self, found: FilesUnreadable) -> None:
        """Log files that cannot be read."""
        self._bad = found.files
        self._state.notices.add(Notice("info" if found.skipped else "problem", found.text))

    def on_loaded(self, images: ImageSet) -> None:
        """Take the images in."""
        self._sets[self._wanted] = images
        self._show(self._wanted)

    def on_ended(self, ended: JobEnded) -> Problem | None:
        """Return what to tell of a reading that came to nothing; go back to the images before."""
        key = self._wanted
        if ended.outcome == "done" or not self.is_current(ended.job_id):
            return None
        self._job_id = 0
        self.refused = key
        before = replace(key, folder=self._opened.folder) if self._opened else None
        stays = ""
        if before is not None and before != key and before in self._sets:
            folder = before.folder
            stays = f"“{Path(folder).name}” stays open."
            self._wanted = before
            preferences = msgspec.structs.replace(self._state.preferences, data_folder=folder)
            self._state.set_preferences(preferences)
            self._show(before)
        else:
            self._state.set_images_missing()
            if self._opened is not None and self._opened.name != key.name:
                stays = f"“{DATASETS[self._opened.name].title}” can be chosen again at once."
        if ended.outcome == "cancelled":
            what = f"“{Path(key.folder).name}”" if key.folder else DATASETS[key.name].title
            hint = stays or "Choose the folder or the data set again to open it."
            return Problem(f"Opening {what} was cancelled.", hint, "data.name")
        if ended.outcome == "failed":
            hint = f"{ended.hint} {stays}".strip()
            return Problem(ended.message, hint, ended.field, self._bad)
        return None

    def _show(self, key: ImagesKey) -> None:
        """Make a set that is there the one at hand; drop old ones that take too much memory."""
        self._sets.move_to_end(key)
        self._opened = key
        sizes = {known: _memory(images) for known, images in self._sets.items()}
        for known in list(self._sets)[:-1]:
            if sum(sizes[other] for other in self._sets) > _SETS_KEPT_BYTES:
                del self._sets[known]
        self._state.set_images(self._sets[key])


def _memory(images: ImageSet) -> int:
    """Return the memory that a set takes."""
    stores = (images.train_images, images.test_images)
    return sum(num_bytes(store) for store in stores if store.in_memory)
