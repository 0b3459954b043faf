"""Masks whose scores a test decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from snip_gui.core.comparing.comparison import Mask
from snip_gui.core.graph.layout import Layout, TensorSpec
from snip_gui.core.models.networks import measure
from snip_gui.core.pruning.ranking import rank_scores
from snip_gui.core.pruning.scored import Scored
from snip_gui.core.recipe.recipe import ModelChoice, Recipe

if TYPE_CHECKING:
    from snip_gui.core.pruning.mask_source import MaskSource

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
    masks = rank_scores(np.asarray(score_M, np.float32), layout)
    return scored_with(masks, recipe, architecture)


def scored_with(masks: MaskSource, recipe: Recipe | None = None, architecture=None) -> Scored:
    """A network with the masks of any source, LeNet-300-100 by name."""
    layout = masks.layout
    return Scored(
        recipe=recipe or Recipe(),
        masks=masks,
        weight_M=np.ones(layout.num_parameters, np.float32),
        gradient_M=None,
        indices_K=np.arange(3),
        architecture=architecture or lenet(),
        loss=0.0,
        seconds=0.0,
    )


def as_ranking(masks: MaskSource, num_kept: int) -> Scored:
    """A scored network whose ranking has, at this number kept, the mask of a source."""
    found = masks.mask_at(num_kept)
    flat_M = np.concatenate([found[tensor.name].ravel() for tensor in masks.layout.tensors])
    return scored_of(flat_M, masks.layout)


def random_mask(num_kept: int, seed: int, shapes=None) -> Mask:
    """A mask of random scores."""
    layout = layout_named(shapes or LENET)
    score_M = np.random.default_rng(seed).random(layout.num_parameters, np.float32)
    return Mask(scored_of(score_M, layout), num_kept)


def flat(mask: Mask) -> np.ndarray:
    """The mask in flat order."""
    masks = mask.scored.masks.mask_at(mask.num_kept)
    return np.concatenate([masks[tensor.name].ravel() for tensor in mask.layout.tensors])


def alive_units(found):
    """By layer how many of its units lie on a path, and of how many."""
    return {
        layer: (int(found.alive(number).sum()), found.wiring.steps[number].num_slots)
        for layer, number in found.wiring.step_by_layer.items()
    }
