"""Questions about the scored minibatch that are answered by further scoring.

What changes without some images, and what stays the same with other draws. The current recipe does
not change.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from PySide6.QtCore import QObject, Signal, Slot

from snip_gui.core.base.errors import UserError
from snip_gui.core.comparing.comparison import Mask
from snip_gui.core.comparing.frequency import StabilityMeasured
from snip_gui.core.comparing.variations import vary
from snip_gui.core.data.minibatch.own_images import make_picked
from snip_gui.core.pruning.events import ScoringDone
from snip_gui.session.jobs.lazily import lazily
from snip_gui.session.state.values import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from snip_gui.core.base.events import Event
    from snip_gui.core.comparing.frequency import Frequency
    from snip_gui.core.comparing.variations import Vary
    from snip_gui.core.pruning.scored import Scored
    from snip_gui.core.recipe.recipe import Recipe
    from snip_gui.session.comparing.pins import Pins
    from snip_gui.session.jobs.host import JobHost
    from snip_gui.session.jobs.job import Job
    from snip_gui.session.state.session_state import SessionState

_NAMED = 2  # omitted images listed in a name


@dataclass(frozen=True, eq=False)
class Stability:
    """Keep counts over several draws.

    Attributes
    ----------
    recipe
        The recipe that was varied.
    varied
        What was drawn anew.
    """

    recipe: Recipe
    varied: Vary
    frequency: Frequency


@dataclass(frozen=True, eq=False)
class _Without:
    """The question being answered."""

    whole: Mask
    name: str


class Questions(QObject):
    """Answers questions, one at a time.

    Parameters
    ----------
    known_scores
        Returns the cached scores of a recipe, or None.
    """

    compared = Signal()  # two masks were pinned and chosen
    stability_changed = Signal()  # measuring started, finished or was stopped

    def __init__(
        self,
        state: SessionState,
        host: JobHost,
        pins: Pins,
        known_scores: Callable[[Recipe], Scored | None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._state, self._host, self._pins = state, host, pins
        self._known_scores = known_scores
        self._without: _Without | None = None
        self._asked: tuple[Job, Recipe, Vary] | None = None
        self._stability: Stability | None = None

    # Leaving out images

    def without(self, indices: Sequence[int]) -> None:
        """Score the minibatch without some of its images, and compare: A with them, B without."""
        try:
            whole, recipe = self._scored_now(), self._recipe_without(indices)
        except UserError as error:
            self._state.status.report(Problem.of(error))
            return
        self._state.status.set_problem(None)
        mask = Mask(whole, self._state.num_kept)
        known = self._known_scores(recipe)
        if known is not None:
            self._compare(mask, known, self._name_without(indices))
            return
        images = self._state.images
        assert images is not None
        environment = self._state.preferences.environment_for(images.name)
        job = lazily("snip_gui.core.methods.scoring:score_steps", recipe, environment, images)
        self._without = _Without(mask, self._name_without(indices))
        scoring = self._host.submit("without", job, short=True)
        scoring.happened.connect(self._on_scored_without)

    def _scored_now(self) -> Scored:
        """Return the scores of the whole minibatch."""
        scored = self._state.scored
        if scored is None or self._state.is_stale or self._state.images is None:
            raise UserError(
                "The current minibatch has not been scored.", "Press Score (F5), then try again."
            )
        return scored

    def _recipe_without(self, indices: Sequence[int]) -> Recipe:
        gone = np.array(indices, np.int64)
        before_K = self._state.minibatch.indices_K
        left_K = np.setdiff1d(before_K, gone)
        if len(left_K) == len(before_K):
            raise UserError(
                "No image in the minibatch is selected.",
                "Click one or more images in the minibatch, then try again.",
            )
        if len(left_K) == 0:
            raise UserError(
                "Without these images there would be nothing left to score.",
                "Select fewer, or add others.",
            )
        images, recipe = self._state.images, self._state.recipe
        assert images is not None
        minibatch = make_picked(recipe, left_K, len(images.train_labels_N))
        return msgspec.structs.replace(recipe, minibatch=minibatch)

    def _name_without(self, indices: Sequence[int]) -> str:
        images, source = self._state.images, self._state.minibatch.source
        assert images is not None
        assert source is not None
        if len(indices) > _NAMED:
            return f"without {len(indices):,} images"
        listed = [
            f"{'own image' if source.own(index) is not None else f'image #{index:,}'} "
            f"(class {images.classes[int(source.labels[index])]})"
            for index in indices
        ]
        return f"without {' and '.join(listed)}"

    def _compare(self, whole: Mask, other: Scored, name: str) -> None:
        """Pin and choose both masks."""
        try:
            a = self._pins.add(whole, f"all {len(whole.scored.indices_K):,} images")
            b = self._pins.add(Mask(other, whole.num_kept), name)
        except UserError as error:
            self._state.status.report(Problem.of(error))
            return
        self._pins.choose(a.number, b.number)
        self.compared.emit()

    # Stability

    @property
    def stability(self) -> Stability | None:
        """The last result; None if there is none."""
        return self._stability

    @property
    def is_measuring(self) -> bool:
        """Whether draws are being scored."""
        return self._asked is not None

    def measure_stability(self, what: Vary, num_draws: int) -> None:
        """Score the recipe with other draws, one after another, and count the kept connections."""
        images, recipe = self._state.images, self._state.recipe
        if images is None or not self._state.can_score or self.is_measuring:
            return
        try:
            recipes = vary(recipe, what, num_draws, images.train_labels_N, images.classes)
        except UserError as error:
            self._state.status.report(Problem.of(error))
            return
        self._state.status.set_problem(None)
        environment = self._state.preferences.environment_for(images.name)
        job = lazily("snip_gui.core.comparing.jobs:measure_stability", recipes, environment, images)
        # A long job, so that another minibatch can be scored between its steps; but it would have
        # to wait for a training run to end.
        is_short = self._host.is_busy("train")
        measuring = self._host.submit("stability", job, short=is_short)
        measuring.happened.connect(self._on_measured)
        measuring.ended.connect(self._on_measuring_ended)
        self._asked = (measuring, recipe, what)
        self.stability_changed.emit()

    def stop_measuring(self) -> None:
        """Cancel the remaining draws; the previous result is kept."""
        if self._asked is not None:
            self._asked[0].cancel()

    @Slot(object)
    def _on_scored_without(self, event: Event) -> None:
        asked = self._without
        if isinstance(event, ScoringDone) and asked is not None:
            self._without = None
            self._compare(asked.whole, event.scored, asked.name)

    @Slot(object)
    def _on_measured(self, event: Event) -> None:
        if isinstance(event, StabilityMeasured) and self._asked is not None:
            _, recipe, what = self._asked
            self._stability = Stability(recipe, what, event.frequency)

    @Slot()
    def _on_measuring_ended(self) -> None:
        self._asked = None
        self.stability_changed.emit()
