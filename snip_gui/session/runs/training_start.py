"""Asks before a network is pruned for fewer classes than its data set has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np
from PySide6.QtCore import QObject, Signal, Slot

from snip_gui.core.recipe.recipe import Draw
from snip_gui.session.runs.companions import make_companions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from snip_gui.core.recipe.recipe import Minibatch, Recipe
    from snip_gui.session.runs.companions import Companions
    from snip_gui.session.runs.run_queue import RunQueue
    from snip_gui.session.state.session_state import SessionState

    Start = Callable[[Sequence[Recipe]], None]


class TrainingStart(QObject):
    """Starts training, at once or after a question that is asked once per minibatch.

    Parameters
    ----------
    edit
        Makes a recipe the current one, with a text for the undo menu.
    train
        Trains a single recipe.
    """

    changed = Signal()  # there is a question, or it is answered

    def __init__(
        self,
        state: SessionState,
        edit: Callable[[Recipe, str], None],
        train: Callable[[Recipe], None],
        queue: RunQueue,
        companions: Companions,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._state, self._edit, self._train = state, edit, train
        self._queue, self._companions = queue, companions
        self._waiting: tuple[Start, tuple[Recipe, ...]] | None = None
        self._agreed: Minibatch | None = None
        state.minibatch_changed.connect(self.dismiss)

    @property
    def question(self) -> str:
        """The question to ask; empty if there is none."""
        if self._waiting is None:
            return ""
        present, total = self._count_classes()
        return f"The minibatch holds {present:,} of {total:,} classes."

    def train(self) -> None:
        """Train the recipe, and what it is to be compared with."""
        if self._state.can_train:
            self.start(self._train_beside, [self._state.recipe])

    def sweep(self, recipes: Sequence[Recipe]) -> None:
        """Queue recipes."""
        self.start(self._queue.add, recipes)

    def _train_beside(self, recipes: Sequence[Recipe]) -> None:
        recipe, preferences = recipes[0], self._state.preferences
        companions = make_companions(
            recipe, dense=preferences.train_dense, random=preferences.train_random
        )
        self._companions.follow(recipe, companions)
        if companions:
            self._queue.add([recipe, *(companion.recipe for companion in companions)])
        else:
            self._train(recipe)

    def start(self, start: Start, recipes: Sequence[Recipe]) -> None:
        """Train recipes with the current minibatch, or ask first."""
        present, total = self._count_classes()
        minibatch = self._state.recipe.minibatch
        concerned = any(recipe.minibatch == minibatch for recipe in recipes)
        if concerned and 0 < present < total and minibatch != self._agreed:
            self._waiting = start, tuple(recipes)
            self.changed.emit()
        else:
            self.dismiss()
            start(recipes)

    @Slot()
    def use_all(self) -> None:
        """Score images of all classes instead, and train."""
        if self._waiting is None:
            return
        start, recipes = self._waiting
        before = self._state.recipe
        split = self._state.split
        most = len(split.train_indices) if split is not None else 1
        drawn = Draw(size=min(most, max(Draw().size, len(self._state.minibatch.indices_K))))
        self._edit(msgspec.structs.replace(before, minibatch=drawn), "Use all classes")
        self.dismiss()
        start(
            [
                msgspec.structs.replace(recipe, minibatch=drawn)
                if recipe.minibatch == before.minibatch
                else recipe
                for recipe in recipes
            ]
        )

    @Slot()
    def agree(self) -> None:
        """Train with the minibatch as it is, and do not ask about it again."""
        if self._waiting is not None:
            start, recipes = self._waiting
            self._agreed = self._state.recipe.minibatch
            self.dismiss()
            start(recipes)

    @Slot()
    def dismiss(self) -> None:
        """Withdraw the question; nothing is trained."""
        if self._waiting is not None:
            self._waiting = None
            self.changed.emit()

    def _count_classes(self) -> tuple[int, int]:
        """Return how many classes the minibatch holds, and how many there are."""
        images, minibatch = self._state.images, self._state.minibatch
        if images is None or minibatch.source is None:
            return 0, 0
        labels_K = minibatch.source.labels[minibatch.indices_K]
        return len(np.unique(labels_K)), len(images.classes)
