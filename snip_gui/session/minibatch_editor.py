"""Ways to choose the minibatch, each one step of undo."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from snip_gui.core.data.curation import draw_per_class
from snip_gui.core.recipe import Draw, Picked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from snip_gui.core.recipe import Recipe
    from snip_gui.session.state import SessionState


class MinibatchEditor:
    """Edits the minibatch of the recipe.

    Parameters
    ----------
    edit
        Makes a recipe the current one, under a name for the undo menu.
    """

    def __init__(self, state: SessionState, edit: Callable[[Recipe, str], None]) -> None:
        self._state = state
        self._edit = edit

    def draw(self, size: int, classes: tuple[int, ...]) -> None:
        """Draw images at random; asked again for the same, draw other images."""
        before = self._state.recipe.minibatch
        draw = Draw(size=size, classes=classes)
        if isinstance(before, Draw) and (before.size, before.classes) == (size, classes):
            draw = msgspec.structs.replace(draw, seed=before.seed + 1)
        self._set(draw, "Draw minibatch")

    def take_per_class(self, number: int) -> None:
        """Take so many images of every class."""
        images, split = self._state.images, self._state.split
        if images is not None and split is not None:
            seed = self._state.recipe.seed
            chosen = draw_per_class(images.train_labels_N, split.train_indices, number, seed)
            self._pick(chosen, f"{number} per class")

    def add(self, indices: Iterable[int]) -> None:
        """Add images."""
        chosen = np.union1d(self._state.minibatch.indices_K, np.fromiter(indices, np.int64))
        self._pick(chosen, "Add images")

    def remove(self, indices: Iterable[int]) -> None:
        """Take images out."""
        gone = np.fromiter(indices, np.int64)
        self._pick(np.setdiff1d(self._state.minibatch.indices_K, gone), "Remove images")

    def pick(self, indices: Iterable[int]) -> None:
        """Choose exactly these images."""
        self._pick(np.unique(np.fromiter(indices, np.int64)), "Pick images")

    def clear(self) -> None:
        """Choose no image."""
        self._pick(np.zeros(0, np.int64), "Clear minibatch")

    def _pick(self, indices_K: NDArray[np.int64], text: str) -> None:
        self._set(Picked(indices=tuple(indices_K.tolist())), text)

    def _set(self, minibatch: Draw | Picked, text: str) -> None:
        self._edit(msgspec.structs.replace(self._state.recipe, minibatch=minibatch), text)
