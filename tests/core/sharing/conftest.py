from __future__ import annotations

import shutil

import pytest
import torch

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.execution.run import run
from snip_gui.core.recipe.methods import Snip
from snip_gui.core.recipe.recipe import Draw, Recipe, Training

RECIPE = Recipe(minibatch=Draw(size=20), training=Training(epochs=1), pruning=Snip(sparsity=0.95))


@pytest.fixture(scope="session")
def make_run(tmp_path_factory, environment):
    """Runs a recipe into a new folder."""

    def make(recipe=RECIPE, **more):
        torch.set_num_threads(1)
        folder = tmp_path_factory.mktemp("runs") / "run"
        run(
            recipe,
            folder,
            more.pop("environment", environment),
            lambda _event: None,
            CancelToken(),
            **more,
        )
        return folder

    return make


@pytest.fixture(scope="session")
def whole(make_run):
    return make_run()


@pytest.fixture
def copied(whole, tmp_path):
    """A copy of a finished run, which a test may change."""
    return shutil.copytree(whole, tmp_path / "copy")
