from __future__ import annotations

import hashlib
import math
from typing import NamedTuple

import pytest
import torch

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.environment import Environment
from snip_gui.core.base.events import Note
from snip_gui.core.execution.run import run
from snip_gui.core.recipe.methods import Snip
from snip_gui.core.recipe.recipe import Draw, ModelChoice, Recipe, Training
from tests.core.execution.folders import SHORT, cancelling_at


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


class OwnRun(NamedTuple):
    """A run of a network of the user's own, and what is needed to use its folder."""

    folder: object
    summary: object
    notes: list
    environment: Environment


@pytest.fixture
def run_own(tmp_path):
    """Runs the source of a network that is called ``Net``."""

    def do(
        source,
        *,
        init="own",
        sparsity=0.8,
        stop_after="train",
        cancel_after=0,
        folder="run",
        **training,
    ):
        code = tmp_path / "net.py"
        code.write_text(source, encoding="utf-8")
        digest = hashlib.sha256(code.read_bytes()).hexdigest()
        environment = Environment(device="cpu", num_threads=1, trusted_code=frozenset({digest}))
        recipe = Recipe(
            model=ModelChoice(name="own", file=str(code), symbol="Net", init=init),
            minibatch=Draw(size=20),
            pruning=Snip(sparsity=sparsity),
            training=Training(**{"epochs": 1, "learning_rate": 0.01} | training),
        )
        events: list = []
        cancel, listen = cancelling_at(cancel_after or math.inf)

        def hear(event):
            events.append(event)
            listen(event)

        summary = run(recipe, tmp_path / folder, environment, hear, cancel, stop_after=stop_after)
        notes = [event.text for event in events if isinstance(event, Note)]
        return OwnRun(tmp_path / folder, summary, notes, environment)

    return do
