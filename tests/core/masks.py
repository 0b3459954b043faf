"""Masks whose scores a test decides."""

from __future__ import annotations

import numpy as np

from snip_gui.core.comparing.comparison import Mask
from snip_gui.core.graph.layout import Layout, TensorSpec
from snip_gui.core.models.networks import measure
from snip_gui.core.pruning.ranking import rank_scores
from snip_gui.core.pruning.scored import Scored
from snip_gui.core.recipe.recipe import ModelChoice, Recipe

LENET = {"fc1": (300, 784), "fc2": (100, 300), "fc3": (10, 100)}
SMALL = {"a": (4, 6), "b": (5, 4), "c": (1, 1)}


def layout_named(shapes: dict[str, tuple[int, ...]]) -> Layout:
    """One weight for each layer."""
    tensors, offset = [], 0
    for layer, shape in shapes.items():
        kind = "convolution" if len(shape) == 4 else "linear"
        tensors.append(TensorSpec(f"{layer}.weight", layer, kind, shape, offset))
        offset = tensors[-1].end
    return Layout(tuple(tensors))


def lenet():
    return measure(ModelChoice(), (1, 28, 28), 10)


def scored_of(score_M, layout: Layout, recipe: Recipe | None = None, architecture=None) -> Scored:
    """A scored network with these scores, LeNet-300-100 by name."""
    return Scored(
        recipe=recipe or Recipe(),
        ranking=rank_scores(np.asarray(score_M, np.float32), layout),
        weight_M=np.ones(layout.num_parameters, np.float32),
        gradient_M=None,
        indices_K=np.arange(3),
        architecture=architecture or lenet(),
        loss=0.0,
        seconds=0.0,
    )


def random_mask(num_kept: int, seed: int, shapes=None) -> Mask:
    """A mask of random scores."""
    layout = layout_named(shapes or LENET)
    score_M = np.random.default_rng(seed).random(layout.num_parameters, np.float32)
    return Mask(scored_of(score_M, layout), num_kept)


def flat(mask: Mask) -> np.ndarray:
    """The mask in flat order."""
    return mask.scored.ranking.rank_M < mask.num_kept


def alive_units(found):
    """By layer how many of its units lie on a path, and of how many."""
    return {
        layer: (int(found.alive(number).sum()), found.wiring.steps[number].num_slots)
        for layer, number in found.wiring.step_by_layer.items()
    }
