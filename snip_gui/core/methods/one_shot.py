"""Shared by methods that score every connection once and rank the scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snip_gui.core.base.events import Event, Note, Progress
from snip_gui.core.pruning.ranking import Ranking, rank_scores
from snip_gui.core.pruning.sensitivity import Sensitivity, connection_sensitivity
from snip_gui.core.recipe.pruning import ScoringSpec

if TYPE_CHECKING:
    from collections.abc import Generator

    import numpy as np
    from numpy.typing import NDArray

    from snip_gui.core.pruning.workbench import Workbench

# Enough for 100 images in each of the paper's networks, or for 18 in VGG-16 at 224x224.
_PASS_BYTES = 4 * 1024**3


def rank(bench: Workbench, score_M: NDArray[np.float32]) -> Ranking:
    """Rank scores (M), highest first, with the recipe's minimum kept per layer."""
    return rank_scores(score_M, bench.prunable.layout, floor=bench.recipe.pruning.floor)


def score_minibatch(bench: Workbench) -> Generator[Event, None, Sensitivity]:
    """Compute the sensitivities on the minibatch."""
    pruning = bench.recipe.pruning
    assert isinstance(pruning, ScoringSpec)
    _, inputs_KCHW, labels_K = bench.minibatch
    yield Progress(f"Scoring {len(labels_K):,} images")
    size = images_per_pass(bench.architecture.activation_bytes)
    if size < len(labels_K):
        yield Note(f"Scored in passes of {size:,} images; their gradients are summed.")
    return connection_sensitivity(
        bench.model,
        bench.prunable,
        inputs_KCHW,
        labels_K,
        mode=pruning.scoring_mode,
        pass_size=size,
    )


def images_per_pass(activation_bytes: int) -> int:
    """Return how many images to pass through a network at once.

    This depends on the network only, not on the machine: a different summation order changes the
    last bit, and a recipe must give the same scores everywhere.
    """
    return max(1, _PASS_BYTES // max(1, activation_bytes))
