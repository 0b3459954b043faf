"""What it costs to list many runs. Run with ``-m bench -s``."""

from __future__ import annotations

import statistics
import time

import pytest

from snip_gui.core.runs import list_runs, newest_first
from tests.bench.test_core_bench import show
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
    assert statistics.median(a / b for a, b in zip(first, again, strict=True)) > 3
