"""Runs of lottery tickets."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.execution.resume import resume
from snip_gui.core.execution.run import run
from snip_gui.core.methods.rounds import exponential
from snip_gui.core.recipe.methods import Imp
from snip_gui.core.recipe.recipe import Recipe, Training
from snip_gui.core.runs import folder as files
from snip_gui.core.runs.folder import read_summary
from tests.core.execution.folders import STEPS_PER_EPOCH, cancelling_at, same, trained

IMP = Recipe(pruning=Imp(sparsity=0.9, rounds=2), training=Training(epochs=1, batch_size=100))
M = 266_200


def masks_of(folder):
    return load_file(folder / files.MASKS)


@pytest.fixture(scope="module")
def whole(tmp_path_factory, environment):
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("runs") / "imp"
    run(IMP, folder, environment, lambda _event: None, CancelToken())
    return folder


def test_it_ends_at_its_sparsity(whole):
    masks = masks_of(whole)
    assert sum(int(mask.sum()) for mask in masks.values()) == exponential(M, 26_620, 2)[-1]
    assert read_summary(whole).state == "finished"


@pytest.mark.parametrize("step", [2, STEPS_PER_EPOCH, STEPS_PER_EPOCH + 1, 2 * STEPS_PER_EPOCH + 5])
def test_stopped_anywhere_and_resumed_it_ends_as_if_never_stopped(
    environment, whole, tmp_path, step
):
    cancel, listen = cancelling_at(step)
    run(IMP, tmp_path / "run", environment, listen, cancel)
    assert read_summary(tmp_path / "run").step == step
    resume(tmp_path / "run", environment, lambda _event: None, CancelToken())
    assert same(trained(whole), trained(tmp_path / "run"))
    assert same(masks_of(whole), masks_of(tmp_path / "run"))


def test_before_training_the_ticket_had_its_initial_weights(whole):
    """Its last round began with them: the checkpoint stores what it was rewound to."""
    initial = load_file(whole / files.INIT)
    stored = load_file(whole / files.CHECKPOINT)
    rewound = {k.split("initial.", 1)[1]: v for k, v in stored.items() if "initial." in k}
    assert rewound.keys() == initial.keys()
    assert all(torch.equal(rewound[name], values) for name, values in initial.items())
