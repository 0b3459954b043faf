"""Finds the mistakes of a run, and adds misclassified images to the minibatch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from snip_gui.core.execution.mistakes import MistakesFound
from snip_gui.session.jobs.lazily import lazily

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from snip_gui.core.base.events import Event
    from snip_gui.core.execution.mistakes import Mistakes
    from snip_gui.core.recipe.recipe import Recipe
    from snip_gui.core.training.metrics import SplitName
    from snip_gui.session.choosing.data_chooser import DataChooser
    from snip_gui.session.choosing.minibatch_editor import MinibatchEditor
    from snip_gui.session.jobs.host import JobHost
    from snip_gui.session.jobs.job import JobEnded
    from snip_gui.session.state.session_state import SessionState


class MistakeFinder(QObject):
    """Evaluates the last checkpoint of a run, even between two steps of training."""

    found = Signal(object)  # Mistakes
    failed = Signal(str)

    def __init__(
        self,
        state: SessionState,
        host: JobHost,
        data: DataChooser,
        minibatch: MinibatchEditor,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._state, self._host, self._data, self._minibatch = state, host, data, minibatch

    def ask(self, folder: Path, recipe: Recipe, split: SplitName) -> None:
        """Evaluate the latest weights of a run; emits `found` or `failed`."""
        environment = self._state.preferences.environment_for(recipe.data.name)
        images = self._data.find_images(recipe)
        job = lazily(
            "snip_gui.core.execution.mistakes:find_mistakes", folder, split, environment, images
        )
        finding = self._host.submit("mistakes", job, short=True)
        finding.happened.connect(self._on_event)
        finding.ended.connect(self._on_ended)

    def can_take(self, mistakes: Mistakes) -> bool:
        """Return whether images of a run can be added: they must be of the current data set."""
        images = self._state.images
        return images is not None and images.digest == mistakes.images_digest

    def take(self, mistakes: Mistakes, rows: Sequence[int]) -> None:
        """Add images to the minibatch; test images as user-supplied ones."""
        if not rows or not self.can_take(mistakes):
            return
        if mistakes.split == "test":
            pictures, labels = mistakes.pictures_PCHW, mistakes.labels_P
            self._minibatch.add_own([(pictures[row], int(labels[row])) for row in rows])
        else:
            self._minibatch.add(int(mistakes.indices_P[row]) for row in rows)

    @Slot(object)
    def _on_event(self, event: Event) -> None:
        if isinstance(event, MistakesFound):
            self.found.emit(event.mistakes)

    @Slot(object)
    def _on_ended(self, ended: JobEnded) -> None:
        if ended.outcome == "cancelled":
            self.failed.emit("Cancelled.")
        elif ended.outcome != "done":
            self.failed.emit(ended.message)
