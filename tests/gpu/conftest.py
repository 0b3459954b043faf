"""``pytest -m gpu`` runs everything on CUDA; otherwise these tests are deselected.

Without a GPU they are skipped, and say so. No GPU has run them yet.
"""

from __future__ import annotations

import pytest
import torch

from snip_gui.core.base.environment import Environment
from snip_gui.core.data.sets.digits import load_digits


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    if "gpu" in config.option.markexpr:
        return
    ours = [item for item in items if item.get_closest_marker("gpu")]
    if ours:
        config.hook.pytest_deselected(items=ours)
        items[:] = [item for item in items if item not in ours]


@pytest.fixture(autouse=True)
def fresh_gpu():
    if not torch.cuda.is_available():
        pytest.skip("torch finds no CUDA device on this machine")
    torch.set_num_threads(1)
    torch.cuda.empty_cache()
    yield
    torch.cuda.set_per_process_memory_fraction(1.0)
    torch.cuda.empty_cache()


@pytest.fixture(scope="session")
def cpu():
    return Environment(device="cpu", num_threads=1)


@pytest.fixture(scope="session")
def cuda():
    return Environment(device="cuda:0", num_threads=1)


@pytest.fixture(scope="session")
def digits():
    return load_digits()


@pytest.fixture
def state(record_property):
    """States a measured value in the report, and on the terminal with ``-s``."""

    def state(what, value):
        record_property(what, value)
        print(f"{what}: {value}")  # noqa: T201 - a report

    return state
