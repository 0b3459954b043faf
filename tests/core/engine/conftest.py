from __future__ import annotations

import msgspec
import pytest

from snip_gui.core.base.environment import Environment
from snip_gui.core.recipe.json import from_builtins
from snip_gui.core.recipe.recipe import Recipe


@pytest.fixture
def recipe() -> Recipe:
    """A short run on the built-in digits."""
    raw = msgspec.to_builtins(Recipe())
    raw["minibatch"]["size"] = 20
    raw["pruning"]["sparsity"] = 0.9
    raw["training"]["epochs"] = 1
    return from_builtins(raw)


@pytest.fixture
def environment() -> Environment:
    return Environment(device="cpu", num_threads=1)
