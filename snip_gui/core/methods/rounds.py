"""Iterative pruning before training: the remaining connections are scored again in each round.

For methods that packages add, such as iterative SNIP (arXiv 2006.09081) and SNIP-it (arXiv
2006.00896). A run computes the rounds for its own sparsity; the window shows one elimination path
at every sparsity (``masks_for="target-sparsity"`` in the method's entry).

Shapes: M prunable parameters, in the flat order of `Layout`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from snip_gui.core.base.events import Event, Progress
from snip_gui.core.pruning.masked_model import MaskedModel
from snip_gui.core.pruning.ranking import Ranking, make_ranking, rank_scores

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from numpy.typing import NDArray

    from snip_gui.core.pruning.workbench import Workbench


def exponential(num_parameters: int, num_kept: int, rounds: int) -> tuple[int, ...]:
    """Return the number kept after each round; every round keeps the same fraction."""
    share = num_kept / num_parameters
    return tuple(round(num_parameters * share ** (k / rounds)) for k in range(1, rounds + 1))


def iterate(
    bench: Workbench,
    criterion: Callable[[Workbench], NDArray[np.float32]],
    schedule: Sequence[int],
) -> Generator[Event, None, Ranking]:
    """Score and remove in rounds; return a ranking by order of removal.

    Removed weights are zero while the rest is scored, and never return. The network's weights are
    restored afterwards.

    Parameters
    ----------
    criterion
        Returns a score (M) for each connection of the current network; the highest are kept.
    schedule
        Number kept after each round, descending.

    Raises
    ------
    ValueError
        If there are no rounds.
    """
    if not schedule:
        raise ValueError("no rounds")
    layout = bench.prunable.layout
    weights = [parameter.detach().clone() for parameter in bench.prunable.parameters]
    every = {tensor.name: np.ones(tensor.shape, bool) for tensor in layout.tensors}
    masked = MaskedModel(bench.model, bench.prunable, every)
    score_M = np.zeros(layout.num_parameters, np.float32)
    left = np.arange(layout.num_parameters, dtype=np.int32)
    removed: list[NDArray[np.int32]] = []
    try:
        for number, num_kept in enumerate(schedule, 1):
            yield Progress(f"Round {number} of {len(schedule)}", number - 1, len(schedule))
            score_M[left] = criterion(bench)[left]
            order_M = rank_scores(score_M, layout, floor=bench.recipe.pruning.floor).order_M
            is_left_M = np.zeros(layout.num_parameters, bool)
            is_left_M[left] = True
            order = order_M[is_left_M[order_M]]
            removed.insert(0, order[num_kept:])
            left = order[:num_kept]
            ranking = make_ranking(layout, score_M.copy(), np.concatenate([left, *removed]))
            masks = ranking.mask_at(num_kept)
            masked.set_masks({name: torch.from_numpy(mask) for name, mask in masks.items()})
    finally:
        with torch.no_grad():
            for parameter, values in zip(bench.prunable.parameters, weights, strict=True):
                parameter.copy_(values)
    return ranking
