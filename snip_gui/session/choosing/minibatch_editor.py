"""Edits of the minibatch, each a single undo step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np
from PySide6.QtCore import QObject, Signal, Slot

from snip_gui.core.base.errors import UserError
from snip_gui.core.data.minibatch.curation import class_positions, draw_per_class
from snip_gui.core.data.minibatch.own_images import ImagesKept, PicturesFitted, make_picked
from snip_gui.core.recipe.recipe import Draw, Picked
from snip_gui.session.jobs.lazily import lazily

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from snip_gui.core.base.events import Event
    from snip_gui.core.recipe.recipe import ClassChoice, Recipe
    from snip_gui.session.jobs.host import JobHost
    from snip_gui.session.state.session_state import SessionState


class MinibatchEditor(QObject):
    """Edits the minibatch of the recipe.

    Indices are those of `MinibatchState`: user-supplied images follow the training images.

    Parameters
    ----------
    edit
        Makes a recipe the current one, with a text for the undo menu.
    """

    fitted = Signal(object)  # tuple[Fitted, ...]: user-supplied pictures, ready to be labelled

    def __init__(
        self,
        state: SessionState,
        host: JobHost,
        edit: Callable[[Recipe, str], None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._state, self._host, self._edit = state, host, edit

    def draw(self, size: int, classes: tuple[ClassChoice, ...]) -> None:
        """Draw images at random; repeating the same request draws other images."""
        before = self._state.recipe.minibatch
        draw = Draw(size=size, classes=classes)
        if isinstance(before, Draw) and before.size == size and self._are_same(before, draw):
            draw = msgspec.structs.replace(before, seed=before.seed + 1)
        self._set(draw, "Draw minibatch")

    def _are_same(self, one: Draw, other: Draw) -> bool:
        """Return whether two draws are from the same classes, by name or position."""
        images = self._state.images
        if images is None:
            return one.classes == other.classes
        try:
            chosen = [set(class_positions(draw.classes, images.classes)) for draw in (one, other)]
        except UserError:  # the data set lacks one of them
            return False
        return chosen[0] == chosen[1]

    def take_per_class(self, number: int) -> None:
        """Choose a number of images of every class."""
        images, split = self._state.images, self._state.split
        if images is not None and split is not None:
            seed = self._state.recipe.seed
            chosen = draw_per_class(images.train_labels_N, split.train_indices, number, seed)
            self._pick(chosen, f"{number} per class")

    def add(self, indices: Iterable[int]) -> None:
        """Add images."""
        chosen = np.union1d(self._state.minibatch.indices_K, np.fromiter(indices, np.int64))
        self._pick(chosen, "Add images")

    def bring(self, pictures: Sequence[Path | bytes]) -> None:
        """Fit files, or their contents, to the data set; emits `fitted` when ready."""
        images = self._state.images
        if images is not None and pictures:
            job = lazily(
                "snip_gui.core.data.minibatch.own_pictures:fit_pictures", tuple(pictures), images
            )
            fitting = self._host.submit("fit", job, lane="io", short=True)
            fitting.happened.connect(self._on_event)

    @Slot(object)
    def _on_event(self, event: Event) -> None:
        if isinstance(event, PicturesFitted) and self._state.images is not None:
            self.fitted.emit(event.pictures)

    def add_own(self, chosen: Sequence[tuple[NDArray[np.uint8], int]]) -> None:
        """Store user-supplied images (C, H, W), then add them with their labels."""
        folder = self._state.preferences.environment.image_folders[0]
        job = lazily("snip_gui.core.data.minibatch.own_pictures:keep_images", folder, tuple(chosen))
        keeping = self._host.submit("keep", job, lane="io", short=True, replaces=False)
        keeping.happened.connect(self._on_kept)

    @Slot(object)
    def _on_kept(self, event: Event) -> None:
        if not isinstance(event, ImagesKept):
            return
        before = self._picked(self._state.minibatch.indices_K)
        by_digest = {image.digest: image for image in (*before.images, *event.images)}
        minibatch = Picked(indices=before.indices, images=tuple(by_digest.values()))
        number = len(event.images)
        self._set(minibatch, "Add an image" if number == 1 else f"Add {number} images")

    def remove(self, indices: Iterable[int]) -> None:
        """Remove images."""
        gone = np.fromiter(indices, np.int64)
        self._pick(np.setdiff1d(self._state.minibatch.indices_K, gone), "Remove images")

    def pick(self, indices: Iterable[int]) -> None:
        """Choose exactly these images."""
        self._pick(np.unique(np.fromiter(indices, np.int64)), "Pick images")

    def clear(self) -> None:
        """Remove all images."""
        self._pick(np.zeros(0, np.int64), "Clear minibatch")

    def _picked(self, indices_K: NDArray[np.int64]) -> Picked:
        """Return the minibatch of exactly these images."""
        images = self._state.images
        num_training = len(images.train_labels_N) if images is not None else 0
        return make_picked(self._state.recipe, indices_K, num_training)

    def _pick(self, indices_K: NDArray[np.int64], text: str) -> None:
        self._set(self._picked(indices_K), text)

    def _set(self, minibatch: Draw | Picked, text: str) -> None:
        self._edit(msgspec.structs.replace(self._state.recipe, minibatch=minibatch), text)
