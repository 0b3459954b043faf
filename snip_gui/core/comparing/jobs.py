"""Jobs that score a recipe several times: for stability, and for the columns of a grid."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

from snip_gui.core.base.events import Event, Progress
from snip_gui.core.comparing.comparison import Mask
from snip_gui.core.comparing.frequency import FrequencyCounter, StabilityMeasured
from snip_gui.core.comparing.tile_grid import GridColumnDone, make_column
from snip_gui.core.methods.scoring import prune
from snip_gui.core.pruning.workbench import build_steps

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.base.environment import Environment
    from snip_gui.core.comparing.tile_grid import GridSpec
    from snip_gui.core.data.images.image_set import ImageSet
    from snip_gui.core.recipe.recipe import Recipe

T = TypeVar("T")


def measure_stability(
    recipes: Sequence[Recipe], environment: Environment, images: ImageSet, cancel: CancelToken
) -> Iterator[Event]:
    """Score recipes of the same network in turn; ends with `StabilityMeasured`.

    Each is pruned at its own sparsity, counted and released before the next is scored.

    Raises
    ------
    UserError
        If a recipe cannot be run on this machine; see `snip_gui.core.methods.scoring.score_steps`.
    Cancelled
        If cancelled meanwhile.
    """
    counter = FrequencyCounter(len(recipes))
    started = time.monotonic()
    for number, recipe in enumerate(recipes):
        cancel.raise_if_cancelled()
        left = (time.monotonic() - started) / number * (len(recipes) - number) if number else None
        said = Progress(
            f"Scoring repetition {number + 1} of {len(recipes)}", number, len(recipes), left
        )
        bench = yield from _saying(said, build_steps(recipe, environment, images, cancel))
        scored = yield from _saying(said, prune(bench, cancel))
        counter.add(Mask(scored, scored.num_kept_at(recipe.pruning.sparsity)))
        del bench, scored
    yield StabilityMeasured(counter.result())


def _saying(said: Progress, steps: Generator[Event, None, T]) -> Generator[Event, None, T]:
    """Run a job, replacing its events by a single progress event."""
    yield said
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result
        yield said


def grid_column(
    spec: GridSpec, number: int, environment: Environment, images: ImageSet, cancel: CancelToken
) -> Iterator[Event]:
    """Score one variant of a grid; ends with `GridColumnDone`.

    Raises
    ------
    UserError
        If the variant cannot be scored, or its network has no input map.
    """
    variant = spec.variants[number]
    yield Progress(f"Scoring {variant.label}", number, len(spec.variants))
    bench = yield from build_steps(variant.recipe, environment, images, cancel)
    scored = yield from prune(bench, cancel)
    yield GridColumnDone(number, make_column(scored, spec.sparsities))
