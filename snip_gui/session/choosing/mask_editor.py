"""Edits of the mask by hand, as part of the recipe and thus of its undo history."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from PySide6.QtCore import QObject

from snip_gui.core.base.errors import UserError
from snip_gui.core.pruning.edits.edited import check_edits, editable_ranking, with_edits
from snip_gui.core.recipe.edits import DeadPixelsEdit, shortened
from snip_gui.core.recipe.recipe import without_edits
from snip_gui.core.recipe.stages import Stage, stage_keys
from snip_gui.session.jobs.lazily import lazily
from snip_gui.session.state.values import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from snip_gui.core.base.environment import Environment
    from snip_gui.core.data.images.image_set import ImageSet
    from snip_gui.core.pruning.scored import Scored
    from snip_gui.core.recipe.edits import Edit
    from snip_gui.core.recipe.recipe import Recipe
    from snip_gui.session.jobs.job import JobFactory
    from snip_gui.session.state.session_state import SessionState

# Connections; two million are ranked again in about 0.1 s.
_MOST_AT_ONCE = 2_000_000


class MaskEditor(QObject):
    """Intents of all views in which the mask can be edited.

    Parameters
    ----------
    edit
        Replaces the recipe as a single undo step.
    score
        Scores the recipe, or only edits its mask if scores are known; see `scoring_job`.
    known_scores
        Returns the scores of a recipe that were computed on the current images and device, if any.
    """

    def __init__(
        self,
        state: SessionState,
        edit: Callable[[Recipe, str], None],
        score: Callable[[], None],
        known_scores: Callable[[Recipe], Scored | None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._state, self._edit, self._score = state, edit, score
        self._known_scores = known_scores

    @property
    def edits(self) -> tuple[Edit, ...]:
        """The edits of the recipe, in order."""
        return self._state.recipe.pruning.edits

    @property
    def obstacle(self) -> str:
        """Why the mask cannot be edited now; empty if it can."""
        scored = self._state.scored
        if scored is None or self._state.images is None:
            return "Score a minibatch first."
        if self._state.is_stale:
            return "The mask belongs to older settings: score first."
        try:
            editable_ranking(scored)
        except UserError as error:
            return error.message
        return ""

    def add(self, edit: Edit) -> None:
        """Add an edit as one undo step; one that cannot hold is refused in place."""
        scored, images = self._state.scored, self._state.images
        if self.obstacle or scored is None or images is None:
            self._state.status.report(Problem(self.obstacle))
            return
        edits = (*self.edits, edit)
        try:
            check_edits(scored, edits, images, self._state.num_kept)
        except UserError as error:
            self._state.status.report(Problem.of(error))
            return
        self._replace(edits, f"Mask: {shortened(edit)}")

    def take_back(self, number: int) -> None:
        """Remove the edit at a position of the list."""
        edits = self.edits
        text = f"Take back: {shortened(edits[number])}"
        self._replace(edits[:number] + edits[number + 1 :], text)

    def clear(self) -> None:
        """Remove all edits."""
        self._replace((), "Take back all edits of the mask")

    def _replace(self, edits: tuple[Edit, ...], text: str) -> None:
        recipe = self._state.recipe
        was_current = not self._state.is_stale
        pruning = msgspec.structs.replace(recipe.pruning, edits=edits)
        self._edit(msgspec.structs.replace(recipe, pruning=pruning), text)
        if was_current and self._state.is_stale:  # a network too large to rank in this thread
            self._score()

    def edited_scores(self) -> Scored | None:
        """Return the scores of the recipe if the shown ones differ only in edits.

        None also if that takes too long for the GUI thread, or an edit is impossible, which scoring
        then reports.
        """
        base, images = self._find_base(), self._state.images
        if base is None or images is None or base.layout.num_parameters > _MOST_AT_ONCE:
            return None
        reads_images = any(isinstance(edit, DeadPixelsEdit) for edit in self.edits)
        if reads_images and not images.train_images.in_memory:
            return None
        try:
            return with_edits(base, self.edits, images)
        except UserError:
            return None

    def scoring_job(self, environment: Environment, images: ImageSet) -> JobFactory:
        """Return the job that scores the recipe; it reuses scores that differ only in edits."""
        base = self._find_base()
        if base is not None and not self._state.is_preview:
            return lazily("snip_gui.core.pruning.edits.edited:edit_steps", base, self.edits, images)
        return lazily(
            "snip_gui.core.methods.scoring:score_steps", self._state.recipe, environment, images
        )

    def _find_base(self) -> Scored | None:
        """Return the shown scores if the recipe differs from theirs in edits alone."""
        scored = self._state.scored
        if scored is None or self._known_scores(scored.recipe) is not scored:
            return None
        differs = scored.recipe.pruning.edits != self.edits
        same = _unedited_key(scored.recipe) == _unedited_key(self._state.recipe)
        return scored if differs and same else None


def _unedited_key(recipe: Recipe) -> str:
    return stage_keys(without_edits(recipe))[Stage.SCORE]
