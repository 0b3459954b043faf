"""Pruning methods: each turns a workbench into events that end in `Pruned`."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from snip_gui.core.base.events import Event, Note, Progress
from snip_gui.core.base.seeding import numpy_stream
from snip_gui.core.pruning.events import Pruned
from snip_gui.core.pruning.ranking import rank_scores
from snip_gui.core.pruning.sensitivity import (
    Sensitivity,
    connection_sensitivity,
    flat_weights,
)
from snip_gui.core.pruning.workbench import Workbench
from snip_gui.core.recipe.recipe import Magnitude, RandomMask, Shuffled, SignedGradient, Snip
from snip_gui.core.weight_files.reading import read_checkpoint

if TYPE_CHECKING:
    from snip_gui.core.recipe.recipe import Pruning

# Enough for a hundred images in each of the paper's networks, for 18 in VGG-16 on 224x224.
_PASS_BYTES = 4 * 1024**3
_LEAST = np.finfo(np.float32).tiny

Method: TypeAlias = Callable[[Workbench], Iterator[Event]]


def find_method(pruning: Pruning) -> Method:
    """Return the method that a recipe's pruning asks for."""
    methods: dict[type, Method] = {
        Snip: snip,
        SignedGradient: signed_gradient,
        RandomMask: random_mask,
        Shuffled: shuffled,
        Magnitude: magnitude,
    }
    return methods[type(pruning)]


def snip(bench: Workbench) -> Iterator[Event]:
    """Rank by connection sensitivity on the minibatch (paper, algorithm 1)."""
    started = time.perf_counter()
    found = yield from _score_minibatch(bench)
    floor = bench.recipe.pruning.floor
    ranking = rank_scores(found.sensitivity_M, bench.prunable.layout, floor=floor)
    seconds = time.perf_counter() - started
    yield Pruned(ranking, gradient_M=found.gradient_M, loss=found.loss, seconds=seconds)


def signed_gradient(bench: Workbench) -> Iterator[Event]:
    """Rank by the gradient, largest first, negative ones last (paper, appendix A, figure 6).

    What is ranked is the gradient less its minimum: a score is not negative.
    """
    started = time.perf_counter()
    found = yield from _score_minibatch(bench)
    gradient_M = found.gradient_M.astype("float64")
    score_M = (gradient_M - gradient_M.min()).astype("float32")
    floor = bench.recipe.pruning.floor
    ranking = rank_scores(score_M, bench.prunable.layout, floor=floor)
    seconds = time.perf_counter() - started
    yield Pruned(ranking, gradient_M=found.gradient_M, loss=found.loss, seconds=seconds)


def _score_minibatch(bench: Workbench) -> Generator[Event, None, Sensitivity]:
    """Pass the minibatch through the network and back."""
    pruning = bench.recipe.pruning
    assert not isinstance(pruning, RandomMask | Magnitude)
    _, inputs_KCHW, labels_K = bench.minibatch()
    yield Progress(f"Scoring {len(labels_K):,} images")
    size = images_per_pass(bench.architecture.activation_bytes)
    if size < len(labels_K):
        yield Note(f"Scored in passes of {size:,} images, whose gradients are added.")
    return connection_sensitivity(
        bench.model,
        bench.prunable,
        inputs_KCHW,
        labels_K,
        mode=pruning.scoring_mode,
        pass_size=size,
    )


def images_per_pass(activation_bytes: int) -> int:
    """Return how many images go through a network at once.

    As many as the network alone decides, not the machine: sums in another order differ in the last
    bit, and the same recipe is to give the same scores everywhere.
    """
    return max(1, _PASS_BYTES // max(1, activation_bytes))


def random_mask(bench: Workbench) -> Iterator[Event]:
    """Rank at random: a seeded uniform choice among the same connections."""
    yield Progress("Drawing a random mask")
    started = time.perf_counter()
    generator = numpy_stream(bench.recipe.seed, "mask")
    # Uniform over (0, 1]: no connection scores zero.
    score_M = 1 - generator.random(bench.prunable.layout.num_parameters, "float32")
    floor = bench.recipe.pruning.floor
    ranking = rank_scores(score_M, bench.prunable.layout, floor=floor)
    yield Pruned(ranking, seconds=time.perf_counter() - started)


def shuffled(bench: Workbench) -> Iterator[Event]:
    """Rank as SNIP does, the scores of each tensor shuffled: as many of each stay, but others."""
    started = time.perf_counter()
    found = yield from _score_minibatch(bench)
    generator = numpy_stream(bench.recipe.seed, "mask")
    layout = bench.prunable.layout
    parts = [found.sensitivity_M[t.offset : t.end] for t in layout.tensors]
    score_M = np.concatenate([generator.permutation(part) for part in parts])
    ranking = rank_scores(score_M, layout, floor=bench.recipe.pruning.floor)
    seconds = time.perf_counter() - started
    yield Pruned(ranking, gradient_M=found.gradient_M, loss=found.loss, seconds=seconds)


def magnitude(bench: Workbench) -> Iterator[Event]:
    """Rank by the absolute value of the weights.

    If they come from a file that has masks, what these keep comes first: a kept weight of exactly
    zero before the removed ones.
    """
    yield Progress("Ranking the weights")
    started = time.perf_counter()
    layout, weights = bench.prunable.layout, bench.recipe.model.weights
    score_M = np.abs(flat_weights(bench.prunable))
    if weights:
        kept = read_checkpoint(Path(weights)).masks
        for tensor in layout.tensors:
            if tensor.name in kept and tuple(kept[tensor.name].shape) == tensor.shape:
                part_M = score_M[tensor.offset : tensor.end]
                part_M[kept[tensor.name].numpy().ravel() & (part_M == 0)] = _LEAST
    ranking = rank_scores(score_M, layout, floor=bench.recipe.pruning.floor)
    yield Pruned(ranking, seconds=time.perf_counter() - started)
