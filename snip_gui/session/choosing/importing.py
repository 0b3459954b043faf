"""Opens checkpoints and masks: a file is read, then its recipe becomes the current one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from snip_gui.core.base.text import listed
from snip_gui.core.data.sets.catalogue import DATASETS
from snip_gui.core.models.events import CheckpointFound, MasksFound, SeveralFound
from snip_gui.core.models.networks import Images
from snip_gui.core.pruning.events import MasksSaved
from snip_gui.session.jobs.lazily import lazily

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from snip_gui.core.base.events import Event
    from snip_gui.core.recipe.recipe import Recipe
    from snip_gui.session.jobs.host import JobHost
    from snip_gui.session.state.session_state import SessionState


class Importer(QObject):
    """Reads weight files and continues from them.

    Parameters
    ----------
    take
        Makes a recipe the current one, with a text for the undo menu, and shows its mask.
    """

    found = Signal(object)  # CheckpointFound
    several_found = Signal(object)  # SeveralFound: choose one, then read again
    masks_saved = Signal(object)  # MasksSaved

    def __init__(
        self,
        state: SessionState,
        host: JobHost,
        take: Callable[[Recipe, str], None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._state, self._host, self._take = state, host, take

    def inspect(self, path: Path, key: str = "") -> None:
        """Read a file; emits `found`, or reports in place that it is not a checkpoint."""
        self._state.status.set_problem(None)
        recipe = self._state.recipe
        environment = self._state.preferences.environment_for(recipe.data.name)
        job = lazily(
            "snip_gui.core.models.recognising:inspect",
            path,
            recipe,
            self._kind_of_images(),
            environment,
            key=key,
            datasets=DATASETS.names,
        )
        inspection = self._host.submit("inspect", job, lane="io", short=True)
        inspection.happened.connect(self._on_event)

    def take(self, found: CheckpointFound, recipe: Recipe) -> None:
        """Continue from a checkpoint with one of its recipes, as a single undo step."""
        self._take(recipe, f"Open {found.path.name}")
        self._state.notices.info(
            f"Opened {found.path}: {found.title}, masks from {found.mask_from}."
        )

    def open_masks(self, path: Path) -> None:
        """Make the masks of a file the current state, or report in place why they do not fit."""
        self._state.status.set_problem(None)
        recipe = self._state.recipe
        environment = self._state.preferences.environment_for(recipe.data.name)
        job = lazily(
            "snip_gui.core.methods.controls.given:open_masks",
            path,
            recipe,
            self._kind_of_images(),
            environment,
        )
        self._host.submit("open-masks", job, short=True).happened.connect(self._on_event)

    def save_masks(self, path: Path) -> None:
        """Write the current masks to a file; emits `masks_saved`."""
        scored = self._state.scored
        if scored is not None:
            self._state.status.set_problem(None)
            job = lazily(
                "snip_gui.core.methods.controls.given:save_masks",
                path,
                scored,
                self._state.num_kept,
            )
            saving = self._host.submit("save-masks", job, lane="io", short=True)
            saving.happened.connect(self._on_event)

    def _kind_of_images(self) -> Images | None:
        images = self._state.images
        return None if images is None else Images(images.image_shape, len(images.classes))

    @Slot(object)
    def _on_event(self, event: Event) -> None:
        if isinstance(event, CheckpointFound):
            self.found.emit(event)
        elif isinstance(event, SeveralFound):
            self.several_found.emit(event)
        elif isinstance(event, MasksSaved):
            self.masks_saved.emit(event)
        elif isinstance(event, MasksFound):
            self._take(event.recipe, f"Open {event.path.name}")
            dense = ""
            if event.dense:
                dense = f" Layers without a mask stay dense: {listed(event.dense)}."
            self._state.notices.info(
                f"Opened the masks in {event.path}: {event.num_kept:,} of "
                f"{event.num_parameters:,} connections kept.{dense}"
            )
