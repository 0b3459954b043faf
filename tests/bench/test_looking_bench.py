"""What looking costs: a step of the slider with every view in sight, zoom and pan, live weights.

Times are those of the offscreen platform. Run with ``-m bench -s``.
"""

from __future__ import annotations

import dataclasses
import gc
import itertools
import statistics
import time

import numpy as np
import psutil
import pytest
from PySide6.QtCore import QEventLoop, QRectF
from PySide6.QtWidgets import QTableView, QWidget

from snip_gui.core.graph.layout import Layout, TensorSpec
from snip_gui.core.models.networks import measure
from snip_gui.core.pruning.ranking import rank_scores
from snip_gui.core.pruning.scored import Scored
from snip_gui.core.recipe.recipe import ModelChoice
from tests.bench.test_core_bench import ratio, show, vgg_scores
from tests.bench.test_window_bench import WAIT_MS, Pace, Paints, end, percentiles
from tests.qt_fixtures import *  # noqa: F403 - fixtures are found by name

pytestmark = pytest.mark.bench

_CHANNELS = (3, 64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512)


def layout_of(shapes: dict[str, tuple[int, ...]]) -> Layout:
    """Weights of these shapes, each with its biases."""
    tensors: list[TensorSpec] = []
    offset = 0
    for layer, weight in shapes.items():
        kind = "convolution" if len(weight) == 4 else "linear"
        for name, shape in (("weight", weight), ("bias", weight[:1])):
            tensors.append(TensorSpec(f"{layer}.{name}", layer, kind, shape, offset))
            offset = tensors[-1].end
    return Layout(tuple(tensors))


def vgg_d(*, has_matrix: bool = False) -> dict[str, tuple[int, ...]]:
    """VGG-D for CIFAR-10: with its biases 15.2 million connections.

    Parameters
    ----------
    has_matrix
        Whether the last convolution of 512 x 512 x 3 x 3 is a matrix of 512 x 4,607 instead.
    """
    shapes: dict[str, tuple[int, ...]] = {
        f"conv{number}": (after, before, 3, 3)
        for number, (before, after) in enumerate(itertools.pairwise(_CHANNELS), 1)
    }
    if has_matrix:
        shapes["conv13"] = (512, 4_607)
    return shapes | {"fc1": (512, 512), "fc2": (512, 512), "fc3": (10, 512)}


def scored_of(name: str, layout: Layout) -> Scored:
    """A scored network whose sensitivities are drawn.

    Its paths are followed if the layers have the shapes of the real network.
    """
    score_M = vgg_scores(layout)
    choice = ModelChoice(name=name)
    architecture = measure(choice, (3, 32, 32), 10)
    real = {layer.name: layer.num_weights for layer in architecture.layers}
    if any(tensor.size != real.get(tensor.layer) for tensor in layout.weights):
        architecture = dataclasses.replace(architecture, wiring=None)
    return Scored(
        recipe=_recipe(choice),
        masks=rank_scores(score_M, layout),
        weight_M=score_M,
        gradient_M=None,
        indices_K=np.zeros(0, np.int64),
        architecture=architecture,
        loss=1.0,
        seconds=1.0,
    )


def _recipe(choice: ModelChoice):
    from snip_gui.core.recipe.recipe import Recipe

    return Recipe(model=choice)


def show_scored(application, scored: Scored) -> None:
    """Put scores into the window as if they had just been computed."""
    controller, state = application.controller, application.controller.state
    controller.set_field("model.name", scored.recipe.model.name)
    images = state.images
    digest = images.digest if images is not None else ""
    scored = dataclasses.replace(scored, recipe=state.recipe, images_digest=digest)
    scored.prepare()
    state.set_scored(scored)
    assert not state.is_stale


def process(qapp, seconds: float = 0.15) -> None:
    started = time.perf_counter()
    while time.perf_counter() - started < seconds:
        qapp.processEvents()
        time.sleep(0.005)


@pytest.mark.parametrize("kind", ["convolution", "linear"])
def test_a_step_of_the_slider(record_property, application, qapp, kind):
    """From the controller to the paint of the pictures and all counts; then everything else.

    In sight are the weights, the input map (of the network it says why it has none), the bars, the
    histogram and the flow of the whole network.
    """
    window, controller = application.window, application.controller
    state = controller.state
    layout = layout_of(vgg_d(has_matrix=kind == "linear"))
    assert layout.num_parameters > 15_200_000
    show_scored(application, scored_of("vgg-d", layout))
    window.heatmap.show_both.click()
    window.views.show_flow()
    window.heatmap.select_layer("conv13")
    table = window.findChild(QTableView, "layers_table").viewport()
    picture = window.findChild(QWidget, "heatmap_view").viewport()
    histogram = window.findChild(QWidget, "sensitivity_histogram").viewport()
    flow = window.lazy.flow.view
    process(qapp)
    paints = Paints(picture, table, histogram, flow)
    rng = np.random.default_rng(1)
    at_once, rest = [], []
    for share in np.exp(rng.uniform(np.log(1e-4), 0, 220)):
        before = dict(paints.counts)
        started = time.perf_counter()
        controller.set_sparsity(1 - float(share))
        # The rest waits for its own timer, which must not join this measurement.
        state._settle.stop()
        qapp.processEvents()
        drawn = time.perf_counter()
        assert all(paints.counts[widget] > before[widget] for widget in (picture, table))
        state._on_settled()
        qapp.processEvents()
        settled = time.perf_counter()
        assert all(paints.counts[widget] > before[widget] for widget in (histogram, flow))
        at_once.append(drawn - started)
        rest.append(settled - drawn)
    at_once, rest = at_once[20:], rest[20:]
    show(record_property, f"slider step, {kind}", **percentiles(at_once))
    show(record_property, "  everything else after it", **percentiles(rest))
    assert np.percentile(at_once, 95) < 0.016
    assert np.percentile(rest, 95) < 0.050


def zoom_and_pan(window, qapp, first: QRectF) -> list[float]:
    """Times of steps of zooming in from a place, and of moving about close by."""
    plot = window.heatmap.weights.plot
    view = window.findChild(QWidget, "heatmap_view").viewport()
    paints = Paints(view)
    times = []

    def step(change) -> None:
        before = paints.counts[view]
        started = time.perf_counter()
        change()
        qapp.processEvents()
        times.append(time.perf_counter() - started)
        assert paints.counts[view] > before

    for _ in range(6):
        plot.view_box.setRange(first, padding=0)
        process(qapp, 0.05)
        for _ in range(12):
            step(lambda: plot.view_box.scaleBy((0.8, 0.8)))
        for _ in range(12):
            step(lambda: plot.view_box.translateBy(x=12, y=5))
    return times


@pytest.mark.parametrize("kind", ["convolution", "linear"])
def test_zoom_and_pan_on_a_layer_of_two_million(record_property, application, qapp, kind):
    window = application.window
    show_scored(application, scored_of("vgg-d", layout_of(vgg_d(has_matrix=kind == "linear"))))
    window.heatmap.select_layer("conv13")
    process(qapp)
    size = window.heatmap.weights.canvas.size
    times = zoom_and_pan(window, qapp, QRectF(0, 0, size[1], size[0]))
    show(record_property, f"zoom or pan, 2.4 M, {kind}", **percentiles(times))
    assert np.percentile(times, 95) < 0.016


def test_a_layer_of_a_hundred_million(record_property, application, qapp, qtbot):
    """VGG-16 as torchvision has it: what zoom and pan take, and the index after a slider step."""
    window, controller = application.window, application.controller
    shapes = {f"features.{n}": (64, 64, 3, 3) for n in (0, 2)}
    shapes |= {"classifier.0": (4096, 25_088), "classifier.6": (10, 4096)}
    scored = scored_of("torchvision:vgg16", layout_of(shapes))
    show_scored(application, scored)
    window.heatmap.select_layer("classifier.0")
    qtbot.waitUntil(lambda: window.heatmap.weights.plot.picture is not None, timeout=WAIT_MS)
    process(qapp)
    times = zoom_and_pan(window, qapp, QRectF(0, 0, 25_088, 4096))
    show(record_property, "zoom or pan, 103 M", **percentiles(times))
    window.heatmap.reset_view()
    process(qapp)
    gathered, stood_still = [], []
    for sparsity in np.linspace(0.5, 0.99, 12):
        started = time.perf_counter()
        with qtbot.waitSignal(controller.levels.made, timeout=WAIT_MS):
            controller.set_sparsity(float(sparsity))
            stood_still.append(time.perf_counter() - started)
        gathered.append(time.perf_counter() - started)
    show(record_property, "  index after a slider step", **percentiles(gathered))
    show(record_property, "  slider step itself", **percentiles(stood_still))
    assert np.percentile(times, 95) < 0.016


def test_the_memory_of_a_scored_network(record_property):
    """Above the network itself: rankings, scores, gradients and what the first picture needs."""
    layout = layout_of(vgg_d())
    rng = np.random.default_rng(0)
    weight_M = rng.normal(size=layout.num_parameters).astype(np.float32)
    score_M = vgg_scores(layout)
    gc.collect()
    before = psutil.Process().memory_info().rss
    scored = Scored(
        recipe=_recipe(ModelChoice(name="vgg-d")),
        masks=rank_scores(score_M, layout),
        weight_M=weight_M.copy(),
        gradient_M=weight_M.copy(),
        indices_K=np.zeros(0, np.int64),
        architecture=measure(ModelChoice(name="vgg-d"), (3, 32, 32), 10),
        loss=1.0,
        seconds=1.0,
    )
    scored.prepare()
    gc.collect()
    grown = psutil.Process().memory_info().rss - before
    show(
        record_property,
        "memory of a scored VGG-D",
        arrays=f"{scored.num_bytes / 1e6:.0f} MB",
        process=f"{grown / 1e6:.0f} MB",
    )
    assert scored.num_bytes < 400e6


def test_following_the_weights_slows_no_training(record_property, started, qtbot, mnist_folder):
    """Images a second with the weights of the first layer in sight as they train, and without."""
    controller, state = started.controller, started.controller.state
    controller.prefer(data_folder=str(mnist_folder))
    controller.set_field("data.name", "mnist")
    qtbot.waitUntil(lambda: state.images is not None, timeout=WAIT_MS)
    controller.set_field("training.epochs", 10_000)
    page = started.window.heatmap.weights
    started.window.heatmap.show_weights.click()
    seen: list[float] = []
    controller.live.changed.connect(lambda: seen.append(time.perf_counter()))

    def round_of(colours: str) -> tuple[float, float]:
        page.colours.setCurrentIndex(page.colours.findData(colours))
        pace, loop = Pace(), QEventLoop()
        seen.clear()

        def on_points(points) -> None:
            pace.add(points)
            if pace.is_over:
                loop.quit()

        state.points_added.connect(on_points)
        controller.train()
        loop.exec()
        state.points_added.disconnect(on_points)
        rate = len(seen) / (seen[-1] - seen[0]) if len(seen) > 1 else 0.0
        end(started, qtbot)
        return pace.images_per_second(len(state.split.train_indices)), rate

    followed, plain, rates = [], [], []
    for number in range(7):
        (one, rate), (other, _) = round_of("training"), round_of("mask")
        gc.collect()
        if number:
            followed.append(one)
            plain.append(other)
            rates.append(rate)
    share = ratio(followed, plain)
    show(
        record_property,
        "training with its weights in sight",
        ratio=f"{share:.2f}",
        pictures=f"{statistics.median(rates):.1f} a second",
    )
    assert share >= 0.9
    assert statistics.median(rates) >= 4
