"""What comparing masks costs on a network of 15.2 million connections. Run with ``-m bench -s``."""

from __future__ import annotations

import statistics
import time

import numpy as np
import pytest

from snip_gui.core.comparing.comparison import Mask, compare, overlap_matrix
from snip_gui.core.comparing.frequency import FrequencyCounter
from snip_gui.core.models.networks import measure
from snip_gui.core.pruning.ranking import rank_scores
from tests.bench.test_core_bench import seconds, show, vgg_layout, vgg_scores
from tests.bench.test_looking_bench import layout_of, vgg_d
from tests.core.masks import scored_of
from tests.qt_fixtures import *  # noqa: F403 - fixtures are found by name

pytestmark = pytest.mark.bench


def scored(layout, seed):
    score_M = np.exp(np.random.default_rng(seed).normal(-16, 3, layout.num_parameters))
    return scored_of(score_M.astype(np.float32), layout)


def test_comparing_two_masks_of_fifteen_million_connections(record_property):
    layout = vgg_layout()
    a, b = scored(layout, 0), scored(layout, 1)
    num_kept = layout.num_parameters // 10

    def work():
        compare(Mask(a, num_kept), Mask(b, num_kept))

    times_ms = [1000 * seconds(work) for _ in range(25)]
    show(
        record_property,
        "compare two 15.2 M masks",
        median=f"{statistics.median(times_ms):.1f} ms",
        p95=f"{np.quantile(times_ms, 0.95):.1f} ms",
    )
    assert np.quantile(times_ms, 0.95) < 100


def test_the_matrix_of_seven_pins(record_property):
    layout = vgg_layout()
    a, b = scored(layout, 0), scored(layout, 1)
    masks = [Mask(a if n % 2 else b, layout.num_parameters // (n + 2)) for n in range(7)]
    first_ms, again_ms = (1000 * seconds(lambda: overlap_matrix(masks)) for _ in range(2))
    show(
        record_property,
        "matrix of seven 15.2 M masks",
        first=f"{first_ms:.0f} ms",
        again=f"{again_ms:.0f} ms",
    )


def test_counting_a_mask_costs_little_beside_ranking_it(record_property):
    layout = vgg_layout()
    one = scored(layout, 0)
    counter = FrequencyCounter(10)
    mask = Mask(one, layout.num_parameters // 10)
    counter.add(mask)
    count_s = statistics.median(seconds(lambda: counter.add(mask)) for _ in range(5))
    rank_s = seconds(lambda: rank_scores(one.ranking.score_M, layout))
    show(record_property, "count a 15.2 M mask", of_ranking=f"{count_s / rank_s:.3f}")
    assert count_s < 0.2 * rank_s


def test_a_step_of_the_slider_while_comparing(record_property, application, qapp):
    """From the controller to the painted picture of a 512 x 512 x 3 x 3 layer, then the table."""
    window, controller = application.window, application.controller
    state = controller.state
    controller.set_field("model.name", "vgg-d")
    layout = layout_of(vgg_d())
    architecture = measure(state.recipe.model, (3, 32, 32), 10)
    scored = [
        scored_of(vgg_scores(layout) * factor, layout, state.recipe, architecture)
        for factor in (np.float32(1), np.random.default_rng(2).random(layout.num_parameters))
    ]
    state.set_scored(scored[0])
    controller.pins.pin_screen()
    state.set_scored(scored[1])
    window.actions_by_name["show_compare"].trigger()
    panel = window.comparing.page.content
    panel.pair.view.setCurrentIndex(panel.pair.view.findData("conv13.weight"))
    qapp.processEvents()
    at_once, rest = [], []
    for share in np.exp(np.random.default_rng(1).uniform(np.log(1e-4), 0, 120)):
        started = time.perf_counter()
        controller.set_sparsity(1 - float(share))
        state._settle.stop()  # the rest must not join this measurement
        qapp.processEvents()
        drawn = time.perf_counter()
        state._on_settled()
        qapp.processEvents()
        rest.append(time.perf_counter() - drawn)
        at_once.append(drawn - started)
    for title, times in (("slider step, comparing", at_once), ("  everything else after it", rest)):
        median_ms, p95_ms = 1000 * np.quantile(times[20:], [0.5, 0.95])
        show(record_property, title, median=f"{median_ms:.1f} ms", p95=f"{p95_ms:.1f} ms")
    assert np.quantile(at_once[20:], 0.95) < 0.050
    assert np.quantile(rest[20:], 0.95) < 0.100
