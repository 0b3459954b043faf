from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from snip_gui.core.base.environment import Environment
from snip_gui.core.data.sets.digits import load_digits
from snip_gui.core.pruning.workbench import Workbench, build_workbench
from snip_gui.core.recipe.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Callable

    from snip_gui.core.data.images.image_set import ImageSet


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def digits() -> ImageSet:
    """The built-in digits; their arrays are read-only, so that tests may share them."""
    return load_digits()


@pytest.fixture(scope="session")
def environment() -> Environment:
    return Environment(device="cpu", num_threads=1)


@pytest.fixture
def make_bench(digits, environment) -> Callable[..., Workbench]:
    """Builds a fresh workbench of the digits."""

    def make(recipe: Recipe | None = None) -> Workbench:
        return build_workbench(recipe or Recipe(), environment, digits)

    return make


@pytest.fixture
def bench(make_bench) -> Workbench:
    """The digits with LeNet-300-100."""
    return make_bench()
