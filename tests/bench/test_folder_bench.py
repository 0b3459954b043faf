"""Folders of images in the window: how soon they are seen, and how smooth it stays meanwhile.

Times are those of the offscreen platform with the files in the system's cache. Run with
``-m bench -s``.
"""

from __future__ import annotations

import os
import time
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt, QTimer

import tests.qt_fixtures
from snip_gui.app import collect_in_gui_thread
from tests.bench.test_core_bench import show
from tests.bench.test_window_bench import percentiles
from tests.qt_fixtures import *  # noqa: F403 - fixtures are found by name

pytestmark = pytest.mark.bench

WAIT_MS = tests.qt_fixtures.WAIT_MS
FILES = 100_000
CLASSES = 100


@pytest.fixture
def window(started):
    """The started window with its images in sight, its thread the one that collects."""
    started.window.actions_by_name["show_images"].trigger()
    collector = collect_in_gui_thread()
    yield started
    collector.timer.stop()


@pytest.fixture
def photos() -> str:
    """A folder of 12,000 JPEGs."""
    folder = Path(os.environ.get("SNIP_GUI_DATA", "")) / "cifar10-images"
    if not (folder / "train").is_dir():
        pytest.skip("SNIP_GUI_DATA names no folder with cifar10-images")
    return str(folder)


@pytest.fixture
def many_files(tmp_path) -> str:
    """A folder of 100,000 small PNGs, a few hundred of them different."""
    generator = np.random.default_rng(0)
    contents = []
    for _ in range(300):
        with BytesIO() as file:
            pixels = generator.integers(0, 256, (16, 16, 3), np.uint8)
            Image.fromarray(pixels).save(file, "PNG")
            contents.append(file.getvalue())
    for label in range(CLASSES):
        (tmp_path / "many" / f"{label:03}").mkdir(parents=True)
        for number in range(FILES // CLASSES):
            path = tmp_path / "many" / f"{label:03}" / f"{number:05}.png"
            path.write_bytes(contents[(7 * label + number) % len(contents)])
    return str(tmp_path / "many")


def open_folder(window, qtbot, folder) -> tuple[float, float]:
    """Seconds until all thumbnails in sight are painted, and until all files were read."""
    controller, state = window.controller, window.controller.state
    grid = window.window.images.grid
    controller.prefer(data_folder=folder)
    started = time.perf_counter()
    controller.set_field("data.name", "folder")

    def is_painted() -> bool:
        if grid.model().rowCount() == 0 or state.recipe.data.name != "folder":
            return False
        if state.listing is None and state.images is None:
            return False
        size = grid.gridSize()
        shape = grid.viewport().size()
        in_sight = (shape.width() // size.width()) * (shape.height() // size.height())
        first = [grid.model().index(row) for row in range(in_sight)]
        return all(index.data(Qt.ItemDataRole.DecorationRole) is not None for index in first)

    qtbot.waitUntil(is_painted, timeout=WAIT_MS)
    grid.viewport().repaint()
    seen = time.perf_counter() - started
    qtbot.waitUntil(lambda: state.images is not None, timeout=WAIT_MS)
    return seen, time.perf_counter() - started


def test_twelve_thousand_photos_are_seen_soon(record_property, window, qtbot, photos):
    seen, read = open_folder(window, qtbot, photos)
    show(record_property, "12,000 JPEGs", seen=f"{seen:.2f} s", read=f"{read:.2f} s")
    assert seen < read


def test_a_hundred_thousand_files_are_seen_long_before_they_are_read(
    record_property, window, qtbot, many_files
):
    seen, read = open_folder(window, qtbot, many_files)
    show(record_property, "100,000 PNGs", seen=f"{seen:.2f} s", read=f"{read:.2f} s")
    assert seen < read / 2


def test_the_window_is_on_time_while_photos_are_read(record_property, window, qtbot, photos):
    """How late a timer of 10 ms is in the window's thread, while 12,000 files are read, thrice."""
    interval = 0.010
    controller, state = window.controller, window.controller.state
    ticks: list[float] = []
    timer = QTimer(interval=round(1e3 * interval), timerType=Qt.TimerType.PreciseTimer)
    timer.timeout.connect(lambda: ticks.append(time.perf_counter()))
    late: list[np.ndarray] = []
    controller.prefer(data_folder=photos)
    controller.set_field("data.name", "folder")
    qtbot.waitUntil(lambda: state.images is not None, timeout=WAIT_MS)
    grid = window.window.images.grid
    for size in (24, 28, 30):
        ticks.clear()
        timer.start()
        controller.set_field("data.image_size", size)
        qtbot.waitUntil(lambda: state.listing is not None, timeout=WAIT_MS)
        grid.verticalScrollBar().setValue(grid.verticalScrollBar().maximum() // 2)
        qtbot.waitUntil(lambda: state.images is not None, timeout=WAIT_MS)
        timer.stop()
        late.append(np.maximum(np.diff(ticks) - interval, 0))
    show(record_property, "lateness, 12,000 files read", **percentiles(np.concatenate(late)))
    assert np.percentile(np.concatenate(late), 99) < 0.033


def test_mnist_to_a_grid_that_scrolls(record_property, window, qtbot, mnist_folder, tmp_path):
    """From the choice of MNIST, on disk, to 54,000 thumbnails; at first its reader is imported."""
    controller, state = window.controller, window.controller.state
    grid = window.window.images.grid
    seconds = []
    for name in "abcd":  # each another folder, so that the set is read again
        folder = tmp_path / name
        folder.symlink_to(mnist_folder)
        controller.set_field("data.name", "digits")
        controller.prefer(data_folder=str(folder))
        started = time.perf_counter()
        controller.set_field("data.name", "mnist")
        qtbot.waitUntil(lambda: state.images is not None, timeout=WAIT_MS)
        grid.verticalScrollBar().setValue(grid.verticalScrollBar().maximum() // 2)
        grid.viewport().repaint()
        seconds.append(time.perf_counter() - started)
        assert grid.model().rowCount() == 54_000
        assert grid.verticalScrollBar().maximum() > 0
    show(
        record_property,
        "MNIST",
        first=f"{seconds[0]:.2f} s",
        again=f"{np.median(seconds[1:]):.2f} s",
    )
