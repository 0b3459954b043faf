"""Shared by methods that score every connection once and rank the scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

from snip_gui.core.base.events import Event, Note, Progress
from snip_gui.core.base.seeding import numpy_stream
from snip_gui.core.models.memory import refuse_large_scoring
from snip_gui.core.pruning.ranking import Ranking, rank_scores
from snip_gui.core.pruning.sensitivity import (
    Sensitivity,
    connection_sensitivity,
    loss_gradient,
)
from snip_gui.core.recipe.pruning import ScoringSpec
from snip_gui.core.recipe.recipe import Draw

if TYPE_CHECKING:
    from collections.abc import Generator

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from snip_gui.core.pruning.workbench import Workbench
    from snip_gui.core.recipe.pruning import ScoringMode

# Enough for 100 images in each of the paper's networks, or for 18 in VGG-16 at 224x224.
_PASS_BYTES = 4 * 1024**3


def rank(bench: Workbench, score_M: NDArray[np.float32]) -> Ranking:
    """Rank scores (M), highest first, with the recipe's minimum kept per layer."""
    return rank_scores(score_M, bench.prunable.layout, floor=bench.recipe.pruning.floor)


def score_minibatch(bench: Workbench) -> Generator[Event, None, Sensitivity]:
    """Compute the sensitivities on the minibatch, or on several."""
    images = yield from _scored_images(bench)
    return connection_sensitivity(bench.model, bench.prunable, **images._asdict())


def minibatch_gradient(
    bench: Workbench,
) -> Generator[Event, None, tuple[NDArray[np.float32], float]]:
    """Compute the gradient (M) of the mean loss over the minibatch, or several, and the loss."""
    images = yield from _scored_images(bench)
    gradient_M, loss = loss_gradient(bench.model, bench.prunable, **images._asdict())
    return gradient_M.cpu().numpy(), loss


class _ScoredImages(NamedTuple):
    """The images to score, and how; the names are those of `loss_gradient`."""

    inputs_NCHW: Tensor
    labels_N: Tensor
    mode: ScoringMode
    pass_size: int


def _scored_images(bench: Workbench) -> Generator[Event, None, _ScoredImages]:
    """Return the images to score, in the order of their passes."""
    recipe = bench.recipe
    pruning = recipe.pruning
    assert isinstance(pruning, ScoringSpec)
    _, inputs_KCHW, labels_K = bench.minibatch
    number = len(labels_K)
    yield Progress(f"Scoring {number:,} images")
    size = images_per_pass(bench.architecture.activation_bytes)
    if pruning.num_batches != 1 and isinstance(recipe.minibatch, Draw):
        inputs_KCHW, labels_K = shuffled_images(bench)
        size = min(size, recipe.minibatch.size)
    if size < number:
        yield Note(f"Scored in passes of {size:,} images; their gradients are summed.")
    if bench.device.type == "cpu":
        num_parameters = bench.prunable.layout.num_parameters
        at_once = min(size, number)
        refuse_large_scoring(recipe.model, bench.architecture, num_parameters, at_once)
    return _ScoredImages(inputs_KCHW, labels_K, pruning.scoring_mode, size)


def shuffled_images(bench: Workbench) -> tuple[Tensor, Tensor]:
    """Return the scored images and labels in random order, to be divided into minibatches.

    Those of a minibatch are in the order of the file, in which classes may be together.
    """
    _, inputs_KCHW, labels_K = bench.minibatch
    order = numpy_stream(bench.recipe.seed, "batches").permutation(len(labels_K))
    order_K = torch.from_numpy(order).to(labels_K.device)
    return inputs_KCHW[order_K], labels_K[order_K]


def images_per_pass(activation_bytes: int) -> int:
    """Return how many images to pass through a network at once.

    This depends on the network only, not on the machine: a different summation order changes the
    last bit, and a recipe must give the same scores everywhere.
    """
    return max(1, _PASS_BYTES // max(1, activation_bytes))
