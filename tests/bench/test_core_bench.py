"""What scoring, ranking and moving the slider cost, as ratios to plain work on this machine.

Each ratio is the median over rounds in which the two ways alternate. Run with ``-m bench -s``.
"""

from __future__ import annotations

import itertools
import statistics
import time

import numpy as np
import pytest
import torch
from torch import nn

from snip_gui.core.base.environment import Environment
from snip_gui.core.data.sets.digits import load_digits
from snip_gui.core.graph.layout import Layout, TensorSpec
from snip_gui.core.pruning.ranking import rank_scores
from snip_gui.core.pruning.sensitivity import connection_sensitivity
from snip_gui.core.pruning.workbench import build_workbench
from snip_gui.core.recipe.recipe import ModelChoice, Recipe
from snip_gui.core.views.arrangement import Arrangement
from snip_gui.core.views.weight_canvas import weight_canvas

pytestmark = pytest.mark.bench

# Weights of VGG-D for CIFAR-10 (paper, table 6), 15.2 million, with one layer of the widest kind
# (512 outputs, 512 inputs of 3x3) as the matrix of 512 x 4,608 that it multiplies by.
_CHANNELS = (3, 64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512)


def vgg_layout() -> Layout:
    shapes: list[tuple[int, ...]] = [
        (after, before, 3, 3) for before, after in itertools.pairwise(_CHANNELS)
    ]
    shapes[-1] = (512, 4_608)
    shapes += [(512, 512), (512, 512), (10, 512)]
    tensors, offset = [], 0
    for number, shape in enumerate(shapes):
        kind = "convolution" if len(shape) == 4 else "linear"
        tensor = TensorSpec(f"layer{number}.weight", f"layer{number}", kind, shape, offset)
        tensors.append(tensor)
        offset = tensor.end
    return Layout(tuple(tensors))


def vgg_scores(layout: Layout) -> np.ndarray:
    """Scores as a network gives them: over many powers of ten, some exactly zero."""
    rng = np.random.default_rng(0)
    score_M = np.exp(rng.normal(-16, 3, layout.num_parameters)).astype(np.float32)
    score_M[rng.random(score_M.size) < 0.05] = 0
    return score_M


def seconds(work) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def alternate(*ways, rounds=7, repeats=1):
    """Time each way once a round, after a round to warm up; return their times by way."""
    times = [[] for _ in ways]
    for number in range(rounds + 1):
        for way, found in zip(ways, times, strict=True):
            elapsed = min(seconds(way) for _ in range(repeats))
            if number:
                found.append(elapsed)
    return times


def ratio(one, other) -> float:
    return statistics.median(a / b for a, b in zip(one, other, strict=True))


def show(record_property, title, **values):
    line = "  ".join(f"{name} {value}" for name, value in values.items())
    print(f"\n{title:<34}{line}")  # noqa: T201 - the table is what a benchmark is for
    record_property(title, line)


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


# What comes after the pass grows with the weights, not with the images. A pass of 100 images
# through LeNet-300-100 is so short that the two are of one size: there the bound is a guard only.
@pytest.mark.parametrize(("name", "bound"), [("lenet-300-100", 3.0), ("lenet-5-caffe", 1.15)])
def test_scoring_costs_little_more_than_one_pass(record_property, name, bound):
    environment = Environment(device="cpu", num_threads=1)
    bench = build_workbench(Recipe(model=ModelChoice(name=name)), environment, load_digits())
    _, inputs, labels = bench.minibatch
    parameters = list(bench.model.parameters())

    def plain():
        loss = nn.functional.cross_entropy(bench.model(inputs), labels)
        torch.autograd.grad(loss, parameters)

    def score():
        connection_sensitivity(bench.model, bench.prunable, inputs, labels)

    found = connection_sensitivity(bench.model, bench.prunable, inputs, labels)
    score_M = found.sensitivity_M

    def rank():
        rank_scores(score_M, bench.prunable.layout)

    plain_s, score_s, rank_s = alternate(plain, score, rank, rounds=15, repeats=5)
    cost = ratio(score_s, plain_s)
    show(
        record_property,
        f"scoring, {name}",
        plain=f"{statistics.median(plain_s) * 1e3:.2f} ms",
        scoring=f"{statistics.median(score_s) * 1e3:.2f} ms",
        ratio=f"{cost:.2f}",
        ranking=f"{statistics.median(rank_s) * 1e3:.2f} ms",
    )
    assert cost <= bound


def test_ranking_fifteen_million_scores(record_property):
    layout = vgg_layout()
    score_M = vgg_scores(layout)
    rank_s, sort_s = alternate(
        lambda: rank_scores(score_M, layout), lambda: np.sort(score_M), rounds=5
    )
    show(
        record_property,
        f"ranking {layout.num_parameters:,}",
        ranking=f"{statistics.median(rank_s):.2f} s",
        sort=f"{statistics.median(sort_s):.2f} s",
        ratio=f"{ratio(rank_s, sort_s):.2f}",
    )


def test_a_slider_step_over_fifteen_million(record_property):
    layout = vgg_layout()
    ranking = rank_scores(vgg_scores(layout), layout)
    largest = next(tensor for tensor in layout.tensors if tensor.shape == (512, 4_608))
    canvas = weight_canvas(ranking, Arrangement(largest))
    numbers = np.random.default_rng(1).integers(1, layout.num_parameters, 200)

    def step(num_kept):
        ranking.counts_at(num_kept)
        canvas.picture(num_kept, "mask")

    step(1)
    times_ms = [1e3 * seconds(lambda num_kept=int(number): step(num_kept)) for number in numbers]
    counts_ms = [
        1e3 * seconds(lambda num_kept=int(number): ranking.counts_at(num_kept))
        for number in numbers
    ]
    show(
        record_property,
        "slider step",
        median=f"{np.median(times_ms):.2f} ms",
        p95=f"{np.percentile(times_ms, 95):.2f} ms",
        counts_p95=f"{np.percentile(counts_ms, 95):.3f} ms",
    )
    # Whatever the machine: counts must be searched, not summed over a mask of all connections.
    mask_ms = 1e3 * min(seconds(lambda: ranking.rank_M < 1_000_000) for _ in range(5))
    assert np.median(counts_ms) < mask_ms / 5
