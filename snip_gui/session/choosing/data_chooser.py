"""The choice of data: its path, loading it, and a cache of data sets opened before."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from PySide6.QtCore import QObject, Signal, Slot

from snip_gui.core.data.download.fetch import Downloaded
from snip_gui.core.data.images.store import num_bytes
from snip_gui.core.data.sets.catalogue import DATASETS
from snip_gui.core.data.sets.events import BadFile, FilesUnreadable, ImagesListed, ImagesLoaded
from snip_gui.core.data.sets.loading import read_options_for
from snip_gui.core.recipe.json import with_value
from snip_gui.session.jobs.lazily import lazily
from snip_gui.session.state.notices import Notice
from snip_gui.session.state.values import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from snip_gui.core.base.events import Event
    from snip_gui.core.data.images.image_set import ImageSet
    from snip_gui.core.recipe.recipe import Recipe
    from snip_gui.session.jobs.host import JobHost
    from snip_gui.session.jobs.job import Job, JobEnded
    from snip_gui.session.state.preferences import Preferences
    from snip_gui.session.state.session_state import SessionState

_SETS_KEPT_BYTES = 2_000_000_000


@dataclass(frozen=True, slots=True)
class ImagesKey:
    """Everything that the current images depend on."""

    name: str
    place: str = ""
    image_size: int = 0
    skip_unreadable: bool = False
    memory_bytes: int | None = None


def make_images_key(recipe: Recipe, preferences: Preferences) -> ImagesKey:
    """Return everything that a recipe's images depend on."""
    data = recipe.data
    if data.name not in DATASETS.names:  # reported when it is to be read
        return ImagesKey(data.name)
    info = DATASETS[data.name]
    if not info.needs_folder:
        return ImagesKey(data.name)
    place = preferences.data_place(data.name)
    if not info.has_files:
        return ImagesKey(data.name, place)
    memory_bytes = preferences.environment.image_memory_bytes
    return ImagesKey(data.name, place, data.image_size, data.skip_unreadable, memory_bytes)


class DataChooser(QObject):
    """Loads data sets, one at a time; if one fails to open, the previous one stays.

    Parameters
    ----------
    edit
        Makes a recipe the current one, with a text for the undo menu.
    prefer
        Replaces the preferences.
    """

    listed = Signal()  # new files are about to be shown
    opened = Signal()  # the current images have changed

    def __init__(
        self,
        state: SessionState,
        host: JobHost,
        edit: Callable[[Recipe, str], None],
        prefer: Callable[[Preferences], None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._state, self._host, self._edit, self._prefer = state, host, edit, prefer
        self._sets: OrderedDict[ImagesKey, ImageSet] = OrderedDict()
        self._wanted = make_images_key(state.recipe, state.preferences)
        self._open: ImagesKey | None = None
        self._refused: ImagesKey | None = None
        self._loading: Job | None = None
        self._bad: tuple[BadFile, ...] = ()

    # Intents

    def use_place(self, name: str, place: Path) -> None:
        """Load a data set from a folder or file, even if that has failed before."""
        before = self._state.preferences
        places = before.data_places | {name: str(place)}
        self._state.status.set_problem(None)
        self._prefer(msgspec.structs.replace(before, data_places=places))
        if name == self._state.recipe.data.name:
            self.retry()

    def retry(self) -> None:
        """Retry reading an unavailable data set, whose files may have been fixed."""
        if self._state.images_problem is not None:
            self._state.status.set_problem(None)
            self.load()

    def skip_unreadable(self) -> None:
        """Open a refused data set without its unreadable files."""
        if self._refused is not None:
            self._state.set_preferences(self._placed(self._refused))
            recipe = with_value(self._state.recipe, "data.skip_unreadable", True)
            self._edit(recipe, "Skip unreadable files")

    def download(self, name: str, folder: Path) -> None:
        """Download a data set into a folder, after any other download; then use it."""
        self._state.status.set_problem(self._state.images_problem)
        job = lazily("snip_gui.core.data.download.fetch:download_job", DATASETS[name], folder)
        download = self._host.submit("download", job, lane="io")
        download.happened.connect(self._on_downloaded)

    # Loading

    def refresh(self) -> None:
        """Load if recipe or preferences now require other images."""
        if make_images_key(self._state.recipe, self._state.preferences) != self._wanted:
            self.load()

    def find_images(self, recipe: Recipe) -> ImageSet | None:
        """Return the images of any recipe, if they are loaded."""
        return self._sets.get(make_images_key(recipe, self._state.preferences))

    def load(self) -> None:
        """Load the recipe's data set, at once if it is cached."""
        if self._loading is not None:
            self._loading.drop()
        key = make_images_key(self._state.recipe, self._state.preferences)
        self._wanted, self._bad = key, ()
        if key in self._sets:
            self._show(key)
            return
        self._state.set_images_missing()
        environment = self._state.preferences.environment_for(key.name)
        options = read_options_for(self._state.recipe.data, environment)
        job = lazily(
            "snip_gui.core.data.sets.loading:load_job",
            key.name,
            environment.data_folder,
            options=options,
        )
        # A long job, so that thumbnails are decoded between its steps.
        self._loading = self._host.submit("load", job, lane="io")
        self._loading.happened.connect(self._on_event)
        self._loading.ended.connect(self._on_ended)

    @Slot(object)
    def _on_event(self, event: Event) -> None:
        match event:
            case ImagesListed(listing):
                self.listed.emit()
                self._state.set_listing(listing)
            case FilesUnreadable() as found:
                self._bad = found.files
                self._state.notices.add(Notice("info" if found.skipped else "problem", found.text))
            case ImagesLoaded(images):
                self._sets[self._wanted] = images
                self._show(self._wanted)

    @Slot(object)
    def _on_downloaded(self, event: Event) -> None:
        if isinstance(event, Downloaded):
            self.use_place(event.name, event.folder)

    @Slot(object)
    def _on_ended(self, ended: JobEnded) -> None:
        """Report that reading failed, and return to the previous images."""
        if ended.outcome == "done":
            return
        key = self._wanted
        self._refused = key
        before = replace(key, place=self._open.place) if self._open else None
        can_go_back = before is not None and before != key and before in self._sets
        stays = ""
        if before is not None and can_go_back:
            stays = f"“{Path(before.place).name}” stays open."
        elif self._open is not None and self._open.name != key.name:
            stays = f"You can switch back to “{DATASETS[self._open.name].title}” at any time."
        problem = self._make_problem(ended, key, stays)
        if before is not None and can_go_back:
            self._wanted = before
            self._state.set_preferences(self._placed(before))
            self._show(before)
        else:
            self._state.set_images_missing(problem)
        if problem is not None and problem.is_question:
            self._state.status.set_problem(problem)
        elif problem is not None:
            self._state.status.report(problem)

    def _make_problem(self, ended: JobEnded, key: ImagesKey, stays: str) -> Problem | None:
        """Return the problem to report; None for an unexpected exception, which has a dialog."""
        if ended.outcome == "cancelled":
            what = f"“{Path(key.place).name}”" if key.place else DATASETS[key.name].title
            hint = stays or "To open it, choose the folder or the data set again."
            return Problem(f"Stopped opening {what}.", hint, "data.name")
        if ended.outcome == "failed":
            hint = f"{ended.hint} {stays}".strip()
            is_question = not key.place and DATASETS[key.name].needs_folder
            return Problem(ended.message, hint, ended.field, self._bad, is_question=is_question)
        return None

    def _placed(self, key: ImagesKey) -> Preferences:
        """Return the preferences with a data set's former path."""
        preferences = self._state.preferences
        if key.name not in preferences.data_places:
            return msgspec.structs.replace(preferences, data_folder=key.place)
        places = preferences.data_places | {key.name: key.place}
        return msgspec.structs.replace(preferences, data_places=places)

    def _show(self, key: ImagesKey) -> None:
        """Make a loaded data set the current one; drop old ones that take too much memory."""
        self._sets.move_to_end(key)
        self._open = key
        self._remember_folder(key)
        sizes = {known: _memory(images) for known, images in self._sets.items()}
        for known in list(self._sets)[:-1]:
            if sum(sizes[other] for other in self._sets) > _SETS_KEPT_BYTES:
                del self._sets[known]
        self._state.set_images(self._sets[key])
        self.opened.emit()

    def _remember_folder(self, key: ImagesKey) -> None:
        """Look for other data sets in the first folder in which one was found."""
        preferences = self._state.preferences
        if key.place and not preferences.data_folder and Path(key.place).is_dir():
            self._prefer(msgspec.structs.replace(preferences, data_folder=key.place))


def _memory(images: ImageSet) -> int:
    """Return the memory of a data set in bytes."""
    stores = (images.train_images, images.test_images)
    return sum(num_bytes(store) for store in stores if store.in_memory)
