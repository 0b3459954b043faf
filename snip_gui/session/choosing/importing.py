"""Opens checkpoints: a file is read in the io lane, then its recipe becomes the current one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from snip_gui.core.data.sets.catalogue import DATASETS
from snip_gui.core.models.events import CheckpointFound, SeveralFound
from snip_gui.core.models.networks import Images
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
        images = self._state.images
        kind = None if images is None else Images(images.image_shape, len(images.classes))
        job = lazily(
            "snip_gui.core.models.recognising:inspect",
            path,
            recipe,
            kind,
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

    @Slot(object)
    def _on_event(self, event: Event) -> None:
        if isinstance(event, CheckpointFound):
            self.found.emit(event)
        elif isinstance(event, SeveralFound):
            self.several_found.emit(event)
