"""Benchmarks run only when they are asked for: with ``-m bench``, or with SNIP_GUI_BENCH set."""

from __future__ import annotations

import os

import pytest


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    wanted = "bench" in config.option.markexpr or os.environ.get("SNIP_GUI_BENCH")
    if wanted:
        return
    benches = [item for item in items if item.get_closest_marker("bench")]
    if benches:
        config.hook.pytest_deselected(items=benches)
        items[:] = [item for item in items if item not in benches]
