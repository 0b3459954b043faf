"""Bringing the recipe's images into memory, and data sets from the net onto the disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snip_gui.core.data.catalogue import DATASETS
from snip_gui.session import jobs
from snip_gui.session.state import Problem

if TYPE_CHECKING:
    from pathlib import Path

    from snip_gui.core.data.image_set import ImageSet
    from snip_gui.session.job_host import JobEnded, JobHost
    from snip_gui.session.state import SessionState


class ImageLoader:
    """Remembers what was read, so that going back costs nothing, whatever failed meanwhile."""

    def __init__(self, state: SessionState, host: JobHost) -> None:
        self._state, self._host = state, host
        self._known: dict[tuple[str, str], ImageSet] = {}
        self._asked: dict[int, tuple[str, str]] = {}

    def load(self) -> bool:
        """Bring the recipe's data set into memory; return whether it is there at once."""
        preferences, name = self._state.preferences, self._state.recipe.data.name
        key = name, preferences.place_of(name) if DATASETS[name].needs_folder else ""
        known = self._known.get(key)
        if known is not None:
            self._asked.clear()
            self._host.cancel("load")
            self._state.set_images(known)
            return True
        self._state.set_images_missing()
        job = jobs.load_job(name, preferences.surroundings_of(name).data_folder)
        self._asked = {self._host.submit("load", job, lane="io", short=True): key}
        return False

    def take(self, job_id: int, images: ImageSet) -> bool:
        """Take images in; return whether they are those asked for last."""
        key = self._asked.pop(job_id, None)
        if key is None:
            return False
        self._known[key] = images
        self._state.set_images(images)
        return True

    def ended(self, ended: JobEnded) -> bool:
        """Remember why there are no images; return whether anybody still asks for them."""
        key = self._asked.pop(ended.job_id, None)
        if key is None:
            return False
        problem = Problem(ended.message, ended.hint, ended.field)
        if ended.outcome == "cancelled":
            title = DATASETS[key[0]].title
            problem = Problem(f"Reading {title} was stopped.", "Choose the data set again.")
        self._state.set_images_missing(problem)
        return True

    def download(self, name: str, folder: Path) -> None:
        """Fetch a data set into a folder, after any other that is being fetched."""
        self._host.submit("download", jobs.download_job(name, folder), lane="io")
