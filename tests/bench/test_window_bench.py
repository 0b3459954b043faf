"""What the window costs: to start, at a step of the slider, beside a training, with many images.

Times are those of the offscreen platform. Ratios are medians over rounds in which the two ways
alternate. Run with ``-m bench -s``.
"""

from __future__ import annotations

import dataclasses
import gc
import os
import statistics
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QEventLoop, QObject, Qt, QTimer
from PySide6.QtWidgets import QWidget

import tests.qt_fixtures
from snip_gui.app import collect_in_gui_thread
from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.training.events import PointsMeasured
from snip_gui.ui.widgets.pictures.image_grid import ImageGrid
from tests.bench.test_core_bench import ratio, show
from tests.qt_fixtures import *  # noqa: F403 - fixtures are found by name

pytestmark = pytest.mark.bench

WAIT_MS = tests.qt_fixtures.WAIT_MS
ROOT = Path(__file__).parents[2]


def percentiles(times_s) -> dict[str, str]:
    """The middle and the slow end of some times."""
    times_ms = 1e3 * np.asarray(times_s)
    named = {"p50": 50, "p95": 95, "p99": 99, "max": 100}
    return {name: f"{np.percentile(times_ms, part):.1f} ms" for name, part in named.items()}


class Paints(QObject):
    """Counts how often widgets are painted."""

    def __init__(self, *widgets: QWidget) -> None:
        super().__init__()
        self.counts = dict.fromkeys(widgets, 0)
        for widget in widgets:
            widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint:
            self.counts[watched] += 1
        return False


# Start

_OURS = """
from snip_gui.preflight import find_obstacle
assert not find_obstacle()
from PySide6.QtWidgets import QApplication
app = QApplication(sys.argv[:1])
from pathlib import Path
from snip_gui.app import collect_in_gui_thread, create_window
collector = collect_in_gui_thread()
application = create_window(Path(sys.argv[1]))
window = application.window
plot = window.sensitivity.plot
"""
_EMPTY = """
from PySide6.QtWidgets import QApplication, QMainWindow, QVBoxLayout, QWidget
app = QApplication(sys.argv[:1])
import pyqtgraph
window = QMainWindow()
column = QVBoxLayout(centre := QWidget())
plots = [pyqtgraph.PlotWidget() for _ in range(int(sys.argv[1]))]
for plot in plots:
    column.addWidget(plot)
window.setCentralWidget(centre)
window.resize(1280, 800)
"""
_STAND = """
from PySide6.QtCore import QEvent, QObject
class Painted(QObject):
    seen = False
    def eventFilter(self, watched, event):
        self.seen = self.seen or event.type() == QEvent.Type.Paint
        return False
painted = Painted()
plot.viewport().installEventFilter(painted)
window.show()
while not (painted.seen and window.windowHandle().isExposed()):
    app.processEvents()
import os, time
print(time.time(), "torch" in sys.modules, flush=True)
os._exit(0)
"""


def seconds_to_stand(script: str, argument: object, cache: Path) -> float:
    """Time from before a fresh interpreter until its window is painted."""
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "PYTHONPYCACHEPREFIX": str(cache)}
    # An installed package has its bytecode, so neither window may compile at its start.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-c", f"import sys\n{script}{_STAND}", str(argument)]
    started = time.time()
    done = subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    stood, has_torch = done.stdout.split()
    assert has_torch == "False"
    return float(stood) - started


def test_the_window_stands_soon(record_property, tmp_path):
    """Compared with a window of five empty plots, about as many plot views as ours holds.

    Ours holds two charts, a histogram, the heatmap and its colour bar. The comparison imports
    pyqtgraph and makes a QMainWindow of five PlotWidgets; one with a single plot is printed too.
    """
    ways = {"ours": (_OURS, None), "five": (_EMPTY, 5), "one": (_EMPTY, 1)}
    times: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(10):
        for name, (script, argument) in ways.items():
            argument = argument or tmp_path / f"config{number}"
            elapsed = seconds_to_stand(script, argument, tmp_path / "bytecode")
            if number:  # the first round writes the bytecode
                times[name].append(elapsed)
    cost = ratio(times["ours"], times["five"])
    show(
        record_property,
        "start",
        ours=f"{statistics.median(times['ours']):.3f} s",
        five_empty_plots=f"{statistics.median(times['five']):.3f} s",
        one_empty_plot=f"{statistics.median(times['one']):.3f} s",
        ratio_to_five=f"{cost:.2f}",
        ratio_to_one=f"{ratio(times['ours'], times['one']):.2f}",
    )
    assert cost <= 1.5


# Beside a training

_WARM_UP_S = 1.0
_ROUND_S = 4.0


@dataclass
class Pace:
    """When how many epochs were done."""

    times: list[float] = dataclasses.field(default_factory=list)
    epochs: list[float] = dataclasses.field(default_factory=list)

    def add(self, points) -> None:
        self.times.append(time.perf_counter())
        self.epochs.append(points[-1].epoch)

    @property
    def is_over(self) -> bool:
        return len(self.times) > 1 and self.times[-1] - self.times[0] > _WARM_UP_S + _ROUND_S

    def images_per_second(self, num_images: int) -> float:
        first = next(n for n, t in enumerate(self.times) if t - self.times[0] > _WARM_UP_S)
        epochs = self.epochs[-1] - self.epochs[first]
        return num_images * epochs / (self.times[-1] - self.times[first])


@pytest.fixture(params=["digits", "mnist"])
def trainable(request, started, qtbot):
    """The started window with LeNet-300-100 on a data set, its charts in sight."""
    controller, state = started.controller, started.controller.state
    if request.param == "mnist":
        controller.prefer(data_folder=str(request.getfixturevalue("mnist_folder")))
        controller.set_field("data.name", "mnist")
        qtbot.waitUntil(lambda: state.images is not None, timeout=WAIT_MS)
    controller.set_field("training.epochs", 10_000)
    assert state.recipe.model.name == "lenet-300-100"
    # As in the program, where it is this window's thread that collects.
    collector = collect_in_gui_thread()
    yield started
    collector.timer.stop()


def begin(application, qtbot):
    """Train in the window until its charts are drawn."""
    controller, state = application.controller, application.controller.state
    application.window.docks["training"].raise_()
    charts = application.window.training.charts.view
    controller.train()
    qtbot.waitUntil(lambda: state.training is not None and len(state.training.points) > 2)
    paints = Paints(charts.viewport())
    qtbot.waitUntil(lambda: paints.counts[charts.viewport()] > 0)
    assert charts.isVisible()


def end(application, qtbot):
    application.controller.stop()
    qtbot.waitUntil(lambda: not application.host.is_busy(), timeout=WAIT_MS)


def test_the_window_is_on_time_while_it_trains(record_property, trainable, qtbot):
    """How late a timer of 10 ms is in the window's thread."""
    interval = 0.010
    ticks: list[float] = []
    timer = QTimer(interval=round(1e3 * interval), timerType=Qt.TimerType.PreciseTimer)
    timer.timeout.connect(lambda: ticks.append(time.perf_counter()))

    def lateness(seconds):
        ticks.clear()
        loop = QEventLoop()
        QTimer.singleShot(round(1e3 * seconds), loop.quit)
        timer.start()
        loop.exec()
        timer.stop()
        return np.maximum(np.diff(ticks) - interval, 0)

    name = trainable.controller.state.recipe.data.name
    idle = lateness(3)
    begin(trainable, qtbot)
    busy = lateness(20)
    end(trainable, qtbot)
    show(record_property, f"lateness, idle, {name}", **percentiles(idle))
    show(record_property, f"lateness, training, {name}", **percentiles(busy))
    assert np.percentile(busy, 99) < 0.033


def test_the_window_slows_no_training(record_property, trainable, qtbot, tmp_path):
    """Images a second with the window open and without.

    Without: the same steps, run folder included, in a thread while this one waits, so that no event
    of the window is handled. Both use the thread count of the preferences.
    """
    from snip_gui.core.execution.run import run_steps

    controller, state = trainable.controller, trainable.controller.state
    num_images = len(state.split.train_indices)

    def with_window():
        pace, loop = Pace(), QEventLoop()

        def on_points(points):
            pace.add(points)
            if pace.is_over:
                loop.quit()

        state.points_added.connect(on_points)
        controller.train()
        loop.exec()
        assert trainable.window.findChild(QWidget, "training_charts").isVisible()
        end(trainable, qtbot)
        state.points_added.disconnect(on_points)
        return pace.images_per_second(num_images)

    def without_window(number):
        pace, cancel = Pace(), CancelToken()

        def work():
            steps = run_steps(
                state.recipe,
                tmp_path / f"plain{number}",
                state.preferences.environment,
                cancel,
                images=state.images,
            )
            for event in steps:
                if isinstance(event, PointsMeasured):
                    pace.add(event.points)
                    if pace.is_over:
                        cancel.cancel()

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        return pace.images_per_second(num_images)

    opened, plain = [], []
    for number in range(6):
        rates = (with_window(), without_window(number))
        gc.collect()
        if number:  # the first round imports what an optimizer needs
            opened.append(rates[0])
            plain.append(rates[1])
    share = ratio(opened, plain)
    show(
        record_property,
        f"training, {state.recipe.data.name}",
        window=f"{statistics.median(opened):,.0f} images/s",
        without=f"{statistics.median(plain):,.0f} images/s",
        ratio=f"{share:.2f}",
    )
    assert share >= 0.9


# Thumbnails


def test_sixty_thousand_thumbnails(record_property, qtbot, qapp):
    """From arrays to a painted grid that scrolls, compared with 60 images."""
    rng = np.random.default_rng(0)
    images_NCHW = rng.integers(0, 256, (60_000, 1, 28, 28), np.uint8)

    def fill(number):
        grid = ImageGrid(56)
        qtbot.addWidget(grid)
        grid.resize(900, 600)
        grid.show()
        qapp.processEvents()
        paints = Paints(grid.viewport())
        started = time.perf_counter()
        grid.images.set_images(images_NCHW.__getitem__, str)
        grid.images.show_indices(np.arange(number))
        while not (paints.counts[grid.viewport()] and grid.verticalScrollBar().maximum()):
            qapp.processEvents()
            if number == 60 and paints.counts[grid.viewport()]:
                break
        filled = time.perf_counter() - started
        grid.verticalScrollBar().setValue(grid.verticalScrollBar().maximum() // 2)
        started = time.perf_counter()
        grid.viewport().repaint()
        scrolled = time.perf_counter() - started
        grid.close()
        return filled, scrolled

    fill(60)
    many, few = zip(*((fill(60_000), fill(60)) for _ in range(7)), strict=True)
    many_s, page_s = zip(*many, strict=True)
    few_s, _ = zip(*few, strict=True)
    show(
        record_property,
        "thumbnails",
        sixty_thousand=f"{1e3 * statistics.median(many_s):.1f} ms",
        sixty=f"{1e3 * statistics.median(few_s):.1f} ms",
        ratio=f"{ratio(many_s, few_s):.1f}",
        a_page_far_down=f"{1e3 * statistics.median(page_s):.1f} ms",
    )
    assert statistics.median(many_s) < 1.0
