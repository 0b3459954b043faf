"""Magnitude pruning: the absolute value of the weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from snip_gui.core.base.events import Event, Progress
from snip_gui.core.methods.one_shot import rank
from snip_gui.core.models.fitting import read_fitting
from snip_gui.core.pruning.events import Pruned
from snip_gui.core.pruning.sensitivity import flat_weights

if TYPE_CHECKING:
    from collections.abc import Iterator

    from snip_gui.core.pruning.workbench import Workbench

_LEAST = np.finfo(np.float32).tiny


def prune(bench: Workbench) -> Iterator[Event]:
    """Rank by the absolute value of the weights; ends with `Pruned`.

    If the weights come from a file with masks, kept weights rank before removed ones, even if they
    are exactly zero.
    """
    yield Progress("Ranking the weights")
    weights = bench.recipe.model.weights
    score_M = np.abs(flat_weights(bench.prunable))
    if weights:
        kept = read_fitting(bench.model, Path(weights), bench.recipe.model.weights_key).masks
        for tensor in bench.prunable.layout.tensors:
            if tensor.name in kept and tuple(kept[tensor.name].shape) == tensor.shape:
                part_M = score_M[tensor.offset : tensor.end]
                part_M[kept[tensor.name].numpy().ravel() & (part_M == 0)] = _LEAST
    yield Pruned(rank(bench, score_M))
