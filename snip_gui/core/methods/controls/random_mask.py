"""A seeded, uniformly random mask: the baseline for every other method."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snip_gui.core.base.events import Event, Progress
from snip_gui.core.base.seeding import numpy_stream
from snip_gui.core.methods.one_shot import rank
from snip_gui.core.pruning.events import Pruned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from snip_gui.core.pruning.workbench import Workbench


def prune(bench: Workbench) -> Iterator[Event]:
    """Rank at random; ends with `Pruned`."""
    yield Progress("Drawing a random mask")
    generator = numpy_stream(bench.recipe.seed, "mask")
    # Uniform over (0, 1], so that no connection scores zero.
    score_M = 1 - generator.random(bench.prunable.layout.num_parameters, "float32")
    yield Pruned(rank(bench, score_M))
