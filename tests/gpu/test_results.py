"""What a GPU computes, beside what the CPU computes from the same recipe."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.errors import UserError
from snip_gui.core.base.events import run_to_end
from snip_gui.core.base.tensors import load_tensors
from snip_gui.core.execution.resume import resume
from snip_gui.core.execution.run import run
from snip_gui.core.execution.training import make_trainer
from snip_gui.core.export.catalogue import FORMATS
from snip_gui.core.export.events import ExportDone
from snip_gui.core.export.export import export_all
from snip_gui.core.methods.scoring import prune
from snip_gui.core.pruning.workbench import build_workbench
from snip_gui.core.recipe.methods import METHODS, Snip
from snip_gui.core.recipe.recipe import Draw, ModelChoice, Recipe, Training
from snip_gui.core.runs import folder as files
from snip_gui.core.runs.folder import read_summary
from snip_gui.core.sharing.events import Verified
from snip_gui.core.sharing.verifying import verify_run
from tests.core.execution.folders import STEPS_PER_EPOCH, cancelling_at
from tests.core.execution.test_systems import RECIPES

pytestmark = pytest.mark.gpu

MODELS = ("lenet-300-100", "lenet-5-caffe", "alexnet-s", "lstm-s")
SYSTEMS = tuple(method.name for method in METHODS if method.masks_for == "training")


def recipe_of(model="lenet-300-100", **training):
    return Recipe(
        model=ModelChoice(name=model),
        minibatch=Draw(size=50),
        pruning=Snip(sparsity=0.9),
        training=Training(**{"epochs": 2, "learning_rate": 0.02} | training),
    )


def work(recipe, folder, environment, cancel=None, listen=lambda _event: None, **more):
    run(recipe, folder, environment, listen, cancel or CancelToken(), **more)
    return folder


def masks_of(folder):
    tensors, _ = load_tensors(folder / files.MASKS)
    return np.concatenate([tensors[name].numpy().ravel() for name in sorted(tensors)])


@pytest.mark.parametrize("model", MODELS)
def test_scores_and_masks_agree_with_those_of_the_cpu(model, cpu, cuda, tmp_path, state):
    found = {}
    for name, environment in (("cpu", cpu), ("cuda", cuda)):
        folder = work(recipe_of(model), tmp_path / name, environment, stop_after="prune")
        scores, _ = load_tensors(folder / files.SCORES)
        found[name] = scores, masks_of(folder)
    for name, score in found["cpu"][0].items():
        # TF32 is off by default, so single precision differs by the order of summation only.
        torch.testing.assert_close(found["cuda"][0][name], score, rtol=1e-2, atol=1e-7)
    same = float((found["cpu"][1] == found["cuda"][1]).mean())
    state(f"{model}: connections with the same mask on CPU and GPU", f"{same:.4%}")
    assert same >= 0.999


def test_the_same_recipe_gives_the_same_mask_again(cuda, tmp_path):
    folder = work(recipe_of("lenet-5-caffe"), tmp_path / "run", cuda, stop_after="prune")
    *_, verified = verify_run(folder, cuda, CancelToken())
    assert isinstance(verified, Verified)
    assert verified.is_equal


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("model", MODELS)
def test_training_learns_as_on_the_cpu(model, precision, cpu, cuda, tmp_path, state):
    recipe = recipe_of(model, precision=precision)
    errors = {}
    for name, environment in (("cpu", cpu), ("cuda", cuda)):
        folder = work(recipe, tmp_path / name, environment)
        errors[name] = 1 - read_summary(folder).final["test"].accuracy
    state(f"{model} in {precision}: test error on CPU and GPU", errors)
    assert errors["cuda"] <= errors["cpu"] + 0.1


def test_removed_weights_stay_zero_while_training(cuda, tmp_path):
    folder = work(recipe_of(momentum=0.9, weight_decay=0.01), tmp_path / "run", cuda)
    checkpoint, _ = load_tensors(folder / files.CHECKPOINT)
    masks, _ = load_tensors(folder / files.MASKS)
    for name, mask in masks.items():
        assert not checkpoint[f"model.{name}"][mask == 0].any()


def test_channels_last_gives_the_same_outputs(cuda, digits):
    bench = build_workbench(recipe_of("lenet-5-caffe"), cuda, digits)
    scored = run_to_end(prune(bench, CancelToken()))
    trainer = make_trainer(bench, scored.masks.mask_at(scored.num_kept_at(0.9)))
    images = bench.minibatch.inputs_KCHW
    with torch.no_grad():
        expected = trainer.trained.model(images)
        trainer.to_channels_last()
        found = trainer.trained.model(images.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("there_and_back", [("cpu", "cuda"), ("cuda", "cpu")])
def test_a_run_is_resumed_on_another_device(there_and_back, request, tmp_path):
    start, end = (request.getfixturevalue(name) for name in there_and_back)
    cancel, listen = cancelling_at(STEPS_PER_EPOCH + 2)
    folder = work(recipe_of(epochs=3), tmp_path / "run", start, cancel, listen)
    stopped = read_summary(folder)
    assert stopped.state == "stopped"
    summary = resume(folder, end, lambda _event: None, CancelToken())
    assert (summary.state, summary.step) == ("finished", summary.num_steps)
    assert summary.final["test"].accuracy > stopped.final["test"].accuracy - 0.05


@pytest.mark.parametrize("name", SYSTEMS)
def test_every_system_runs_to_its_end(name, cuda, tmp_path):
    if name not in RECIPES:
        pytest.skip(f"{name} has no short recipe among the tests of systems")
    folder = work(RECIPES[name], tmp_path / "run", cuda)
    assert read_summary(folder).state == "finished"


def test_a_run_is_exported_in_every_format(cuda, cpu, tmp_path):
    folder = work(recipe_of("lenet-5-caffe"), tmp_path / "run", cuda)
    wanted = [(one.name, tmp_path / f"net{one.suffix}") for one in FORMATS]
    events = export_all(folder, wanted, CancelToken(), cpu, allow_changes=True)
    done = [event.format_name for event in events if isinstance(event, ExportDone)]
    assert done == list(FORMATS.names)


def limit_memory(num_bytes):
    """Leave this process some bytes beyond what it has."""
    _, total = torch.cuda.mem_get_info()
    torch.cuda.set_per_process_memory_fraction(
        min(1.0, (torch.cuda.memory_reserved() + num_bytes) / total)
    )


def test_too_large_a_batch_proposes_half_of_it(cuda, tmp_path):
    recipe = recipe_of("alexnet-b", batch_size=1000, epochs=1)
    limit_memory(400_000_000)
    with pytest.raises(UserError, match="images at once") as caught:
        work(recipe, tmp_path / "run", cuda)
    assert (caught.value.field, caught.value.proposal) == ("training.batch_size", 500)


def test_scoring_that_does_not_fit_is_reported_and_the_next_one_works(cuda, tmp_path):
    limit_memory(20_000_000)
    with pytest.raises(UserError, match="memory"):
        work(recipe_of("alexnet-b"), tmp_path / "large", cuda, stop_after="prune")
    torch.cuda.set_per_process_memory_fraction(1.0)
    work(recipe_of(), tmp_path / "small", cuda, stop_after="prune")
