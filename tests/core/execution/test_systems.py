"""Runs of systems that prune while they train: killed in any phase, resumed, exported, refused."""

from __future__ import annotations

import itertools
import shutil

import msgspec
import pytest
import torch

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.errors import DivergedError, MethodError, UserError
from snip_gui.core.base.events import Progress
from snip_gui.core.execution import book
from snip_gui.core.execution.resume import resume
from snip_gui.core.execution.run import run
from snip_gui.core.export.export import export_run
from snip_gui.core.recipe.json import with_value
from snip_gui.core.recipe.methods import (
    HardConcrete,
    LayerSurgeon,
    LearningCompression,
    SparseVariational,
    Surgery,
)
from snip_gui.core.recipe.recipe import ModelChoice, Recipe, Training
from snip_gui.core.runs.folder import read_summary
from snip_gui.core.runs.network import read_network
from snip_gui.core.training import loop
from snip_gui.core.training.descent import descend
from snip_gui.core.weight_files.reading import read_checkpoint
from tests.core.execution.folders import STEPS_PER_EPOCH, model_weights, same, trained
from tests.core.execution.test_methods import masks_of, removed_are_zero

TRAINING = Training(epochs=1, learning_rate=0.05, decay_at=())
ADAM = Training(epochs=3, optimizer="adam", learning_rate=0.01, weight_decay=0.0, decay_at=())

RECIPES = {
    "lc": Recipe(
        training=TRAINING,
        pruning=LearningCompression(sparsity=0.9, l_steps=2, mu=0.01, mu_growth=3.0),
    ),
    "dns": Recipe(
        training=TRAINING,
        pruning=Surgery(c_rate=(1.0,), surgery_epochs=2, splice_steps=20, gamma=0.01),
    ),
    "layer-obs": Recipe(
        model=ModelChoice(name="lenet-5-caffe"),
        training=msgspec.structs.replace(TRAINING, learning_rate=0.01),
        pruning=LayerSurgeon(sparsity=0.8, rounds=2, retrain_epochs=1, exclude=("conv2", "fc1")),
    ),
    "sparse-vd": Recipe(
        training=ADAM, pruning=SparseVariational(ramp_start=0, ramp_epochs=1, kl_weight=30.0)
    ),
    "l0": Recipe(
        training=msgspec.structs.replace(ADAM, learning_rate=0.1),
        pruning=HardConcrete(l0_weight=(10.0,)),
    ),
}
# In the first phase, at its end, in the second, and in the last.
STEPS = [4, STEPS_PER_EPOCH, STEPS_PER_EPOCH + 5, 2 * STEPS_PER_EPOCH + 3]


class Killed(BaseException):
    """As by SIGKILL: nothing of the program runs after it."""


@pytest.fixture(scope="module", params=RECIPES)
def whole(request, tmp_path_factory, environment):
    """The recipe of a system, and the folder of a finished run that tests may read."""
    torch.set_num_threads(1)
    recipe = RECIPES[request.param]
    folder = tmp_path_factory.mktemp("runs") / request.param
    run(recipe, folder, environment, lambda _event: None, CancelToken())
    return recipe, folder


@pytest.mark.parametrize("step", STEPS)
def test_a_run_that_was_killed_ends_as_if_it_had_not_been(
    whole, work, environment, tmp_path, monkeypatch, step
):
    recipe, folder = whole

    def kill(event):
        if isinstance(event, Progress) and event.total and event.done >= step:
            raise Killed

    monkeypatch.setattr(book, "_CHECKPOINT_SECONDS", -1.0)  # a checkpoint at every step
    with pytest.raises(Killed):
        work(recipe, tmp_path / "run", on_event=kill)
    assert 0 < read_summary(tmp_path / "run").step <= step
    resume(tmp_path / "run", environment, lambda _event: None, CancelToken())
    assert same(trained(folder), trained(tmp_path / "run"))
    assert same(masks_of(folder), masks_of(tmp_path / "run"))


def test_removed_weights_are_zero_and_counted(whole):
    _, folder = whole
    summary = read_summary(folder)
    assert summary.state == "finished"
    assert summary.num_kept == sum(int(mask.sum()) for mask in masks_of(folder).values())
    assert 0 < summary.num_kept < summary.num_parameters
    assert removed_are_zero(folder)


@pytest.mark.parametrize("name", ["safetensors", "csr", "packed"])
def test_its_result_is_exported_and_opens_again(whole, tmp_path, name):
    _, folder = whole
    path = tmp_path / "out.safetensors"
    list(export_run(folder, name, path, CancelToken()))
    state = read_checkpoint(path).state
    assert all(torch.equal(state[key], v) for key, v in model_weights(folder).items())


@pytest.mark.parametrize("step", STEPS)
def test_any_state_is_exported(whole, work, tmp_path, step):
    """A stopped run gives the network that it would end with then."""
    recipe, _ = whole
    cancel = CancelToken()

    def stop(event):
        if isinstance(event, Progress) and event.total and event.done >= step:
            cancel.cancel()

    work(recipe, tmp_path / "run", cancel=cancel, on_event=stop)
    found = read_network(tmp_path / "run")
    for name, mask in found.masks.items():
        assert not found.state[name][mask == 0].any()
    path = tmp_path / "out.safetensors"
    list(export_run(tmp_path / "run", "packed", path, CancelToken()))
    state = read_checkpoint(path).state
    assert all(torch.equal(state[key], v) for key, v in found.state.items())


def test_the_same_recipe_gives_the_same_weights(whole, work, tmp_path):
    recipe, folder = whole
    work(recipe, tmp_path / "run")
    assert same(trained(folder), trained(tmp_path / "run"))


def test_a_run_that_diverges_keeps_its_last_checkpoint(whole, work, tmp_path, monkeypatch):
    recipe, _ = whole
    monkeypatch.setattr(book, "_CHECKPOINT_SECONDS", -1.0)
    folder, calls = tmp_path / "run", itertools.count(1)

    def descend_and_break(masked, *arguments, **more):
        if next(calls) == STEPS_PER_EPOCH + 4:
            with torch.no_grad():
                masked.prunable.parameters[0].fill_(float("nan"))
        return descend(masked, *arguments, **more)

    monkeypatch.setattr(loop, "descend", descend_and_break)
    with pytest.raises(DivergedError):
        work(recipe, folder)
    assert read_summary(folder).state == "diverged"
    assert all(values.isfinite().all() for values in trained(folder).values())


def test_a_threshold_that_removes_everything_is_a_sentence_and_nothing_is_lost(
    work, environment, tmp_path
):
    recipe = with_value(RECIPES["dns"], "pruning.c_rate", (90.0,))
    with pytest.raises(MethodError, match="remove every connection"):
        work(recipe, tmp_path / "run")
    summary = read_summary(tmp_path / "run")
    assert (summary.state, summary.step) == ("stopped", STEPS_PER_EPOCH)
    shutil.copytree(tmp_path / "run", tmp_path / "again")
    with pytest.raises(MethodError, match="remove every connection"):
        resume(tmp_path / "again", environment, lambda _event: None, CancelToken())
    assert same(trained(tmp_path / "run"), trained(tmp_path / "again"))


@pytest.mark.parametrize("name", ["dns", "sparse-vd", "l0"])
def test_a_sparsity_that_is_an_outcome_cannot_be_set(work, tmp_path, name):
    with pytest.raises(UserError, match="outcome") as caught:
        work(with_value(RECIPES[name], "pruning.sparsity", 0.5), tmp_path / "run")
    assert caught.value.field == "pruning.sparsity"


def test_the_surgeon_is_stopped_within_its_step_and_begins_it_again(work, environment, tmp_path):
    recipe = RECIPES["layer-obs"]
    cancel, at = CancelToken(), []

    def stop(event):
        if isinstance(event, Progress) and event.total and event.done == STEPS_PER_EPOCH:
            at.append(event.done)  # several times: pruning reports between two steps
            if len(at) == 5:
                cancel.cancel()

    work(recipe, tmp_path / "run", cancel=cancel, on_event=stop)
    summary = read_summary(tmp_path / "run")
    assert (summary.state, summary.step) == ("stopped", STEPS_PER_EPOCH)
    assert summary.num_kept == summary.num_parameters
    resume(tmp_path / "run", environment, lambda _event: None, CancelToken())
    work(recipe, tmp_path / "whole")
    assert same(trained(tmp_path / "run"), trained(tmp_path / "whole"))
    assert same(masks_of(tmp_path / "run"), masks_of(tmp_path / "whole"))
