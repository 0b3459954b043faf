from __future__ import annotations

import pytest
import torch

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.execution.run import run
from tests.core.execution.folders import SHORT


@pytest.fixture
def work(environment, digits):
    """Runs a recipe into a folder and returns its summary."""

    def do(recipe, folder, *, cancel=None, on_event=lambda _event: None, **more):
        return run(recipe, folder, environment, on_event, cancel or CancelToken(), **more)

    return do


@pytest.fixture(scope="module")
def finished(tmp_path_factory, environment):
    """A finished run that tests may read; with the events that it gave."""
    torch.set_num_threads(1)
    folder, events = tmp_path_factory.mktemp("runs") / "finished", []
    run(SHORT, folder, environment, events.append, CancelToken())
    return folder, events
