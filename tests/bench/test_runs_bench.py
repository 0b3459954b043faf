"""What it costs to list many runs. Run with ``-m bench -s``."""

from __future__ import annotations

import statistics
import time

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QTableView

from snip_gui.core.runs.listing import list_runs, newest_first
from snip_gui.ui.runs.columns import NUMBERS
from snip_gui.ui.runs.runs_model import SORT_ROLE, RunsModel, SortedRuns
from tests.bench.test_core_bench import show
from tests.qt_fixtures import *  # noqa: F403 - fixtures are found by name
from tests.run_folders import make_run, points_of, recipe_with

pytestmark = pytest.mark.bench

_NUM_RUNS = 300
_FILES = ("init", "batch", "scores", "masks", "checkpoint")


def test_three_hundred_runs(record_property, tmp_path):
    """Of a hundred epochs each, from nothing and again; twenty training points an epoch."""
    points = [point for point in points_of(100, 0.02) for _ in range(20 * (point.split == "train"))]
    points = sorted([*points, *points_of(100, 0.02)], key=lambda point: point.step)
    for number in range(_NUM_RUNS):
        recipe = recipe_with(seed=number, training__epochs=100)
        folder = make_run(tmp_path, f"run {number:03}", recipe, points=points)
        for name in _FILES:
            (folder / f"{name}.safetensors").write_bytes(b"0" * 1000)
    first, again = [], []
    for _ in range(7):
        started = time.perf_counter()
        entries = newest_first(list_runs(tmp_path))
        first.append(time.perf_counter() - started)
        started = time.perf_counter()
        newest_first(list_runs(tmp_path, entries))
        again.append(time.perf_counter() - started)
        assert len(entries) == _NUM_RUNS
    show(
        record_property,
        f"listing {_NUM_RUNS} runs",
        first=f"{statistics.median(first):.2f} s",
        again=f"{statistics.median(again):.3f} s",
    )
    # A ratio: the second time nothing is read.
    assert statistics.median(a / b for a, b in zip(first, again, strict=True)) > 3


def test_a_keystroke_in_a_table_of_three_hundred_runs(record_property, qtbot, qapp, tmp_path):
    """Filtering and sorting, painted, beside a table of three."""
    for number in range(_NUM_RUNS):
        make_run(tmp_path, f"run {number:03}", recipe_with(seed=number), error=number / 1000)
    entries = newest_first(list_runs(tmp_path))

    def seconds_with(shown):
        model = RunsModel()
        table, proxy = QTableView(), SortedRuns(model)
        proxy.setSortRole(SORT_ROLE)
        qtbot.addWidget(table)
        table.setModel(proxy)
        table.setSortingEnabled(True)
        model.show_runs(shown)
        table.resize(1200, 400)
        table.show()
        qapp.processEvents()
        started = time.perf_counter()
        for word in ("r", "run", "run 0", ""):
            proxy.show_filtered(word)
            table.viewport().repaint()
        table.sortByColumn(NUMBERS["test_error"], Qt.SortOrder.AscendingOrder)
        table.viewport().repaint()
        elapsed = (time.perf_counter() - started) / 5
        table.close()
        return elapsed

    many, few = zip(
        *((seconds_with(entries), seconds_with(entries[:3])) for _ in range(7)), strict=True
    )
    show(
        record_property,
        f"a keystroke among {_NUM_RUNS} runs",
        many=f"{1e3 * statistics.median(many):.0f} ms",
        three=f"{1e3 * statistics.median(few):.1f} ms",
    )
    assert statistics.median(a / b for a, b in zip(many, few, strict=True)) < _NUM_RUNS
