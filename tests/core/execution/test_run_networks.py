"""Runs of networks that are not the paper's: complete by themselves, whatever becomes of files."""

from __future__ import annotations

import hashlib

import msgspec
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.environment import Environment
from snip_gui.core.base.errors import UserError
from snip_gui.core.base.events import Note
from snip_gui.core.execution.resume import resume
from snip_gui.core.execution.run import run
from snip_gui.core.export.export import export_run
from snip_gui.core.export.package import package_run
from snip_gui.core.methods import one_shot
from snip_gui.core.methods import scoring as jobs
from snip_gui.core.models.events import NetworkMeasured, NetworksListed
from snip_gui.core.models.measuring import list_networks, measure_network
from snip_gui.core.pruning.events import ScoringDone
from snip_gui.core.recipe.methods import Snip
from snip_gui.core.recipe.recipe import Draw, ModelChoice, Recipe, Training
from snip_gui.core.runs import folder as files
from snip_gui.core.runs.folder import read_recipe
from tests.core.models.networks_of_users import GOOD

SHORT = {"training": Training(epochs=1, learning_rate=0.01), "minibatch": Draw(size=20)}


@pytest.fixture
def code(tmp_path):
    path = tmp_path / "net.py"
    path.write_text(GOOD)
    return path


def trusting(path):
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Environment(device="cpu", num_threads=1, trusted_code=frozenset({digest}))


def own(path, symbol, **changes):
    return Recipe(model=ModelChoice(name="own", file=str(path), symbol=symbol), **SHORT | changes)


def stopping_after(number):
    """A token and a listener that stops a training after so many events of progress."""
    cancel, seen = CancelToken(), []

    def listen(event):
        seen.append(event)
        if sum(type(e).__name__ == "Progress" and "epoch" in e.text for e in seen) >= number:
            cancel.cancel()

    return cancel, listen


def get_weights(folder):
    tensors = load_file(folder / files.CHECKPOINT)
    return {k: v for k, v in tensors.items() if k.startswith("model.")}


def test_a_run_of_an_own_network_needs_nothing_outside_its_folder(code, tmp_path):
    environment, recipe = trusting(code), own(code, "Small")
    whole = run(recipe, tmp_path / "whole", environment, lambda _: None, CancelToken())
    assert whole.state == "finished"
    cancel, listen = stopping_after(3)
    assert run(recipe, tmp_path / "cut", environment, listen, cancel).state == "stopped"
    assert (tmp_path / "cut" / files.NETWORK).read_bytes() == code.read_bytes()
    assert read_recipe(tmp_path / "cut").model.file_digest in environment.trusted_code
    code.unlink()
    with pytest.raises(UserError, match="not agreed to run"):
        resume(tmp_path / "cut", Environment(device="cpu"), lambda _: None, CancelToken())
    again = resume(tmp_path / "cut", environment, lambda _: None, CancelToken())
    assert again.state == "finished"
    one, other = get_weights(tmp_path / "whole"), get_weights(tmp_path / "cut")
    assert all(torch.equal(value, other[key]) for key, value in one.items())


def test_a_shared_weight_counts_and_is_kept_once_and_stays_shared(code, tmp_path):
    recipe = own(code, "Tied", pruning=Snip(sparsity=0.5))
    folder = tmp_path / "run"
    summary = run(recipe, folder, trusting(code), lambda _: None, CancelToken())
    total = (4 * 9 + 4) + (4 * 4 * 9 + 4) + 4 + (4 * 10 + 10)
    assert summary.num_parameters == total
    masks, state = load_file(folder / files.MASKS), get_weights(folder)
    assert "two.weight" not in masks
    assert torch.equal(state["model.one.weight"], state["model.two.weight"])
    assert not state["model.two.weight"][masks["one.weight"] == 0].any()
    list(export_run(folder, "safetensors", tmp_path / "x.safetensors", CancelToken()))
    exported = load_file(tmp_path / "x.safetensors")
    assert torch.equal(exported["two.weight"], exported["one.weight"])


def test_a_run_that_began_with_a_file_of_weights_outlives_it(tmp_path, environment, digits):
    recipe = Recipe(**SHORT)
    events: list = []
    run(recipe, tmp_path / "first", environment, events.append, CancelToken(), stop_after="prune")
    state = load_file(tmp_path / "first" / files.INIT)
    state = {key: value * 0.5 for key, value in state.items()}
    save_file(state, tmp_path / "w.safetensors")
    loaded = ModelChoice(weights=str(tmp_path / "w.safetensors"))
    recipe = msgspec.structs.replace(recipe, model=loaded)
    cancel, listen = stopping_after(3)
    whole = tmp_path / "whole"
    run(recipe, whole, environment, lambda _: None, CancelToken())
    run(recipe, tmp_path / "cut", environment, listen, cancel)
    run(
        recipe, tmp_path / "pruned", environment, listen, CancelToken(), stop_after="prune"
    )  # has no checkpoint, only what it began with
    began = load_file(tmp_path / "pruned" / files.INIT)
    assert torch.equal(began["fc1.weight"], state["fc1.weight"])
    (tmp_path / "w.safetensors").unlink()
    for name in ("cut", "pruned"):
        resume(tmp_path / name, environment, lambda _: None, CancelToken())
        one, other = get_weights(whole), get_weights(tmp_path / name)
        assert all(torch.equal(value, other[key]) for key, value in one.items())


def test_a_network_of_torchvision_runs_on_grey_digits(tmp_path, environment):
    recipe = Recipe(
        model=ModelChoice(name="torchvision:mobilenet_v2"),
        minibatch=Draw(size=10),
        pruning=Snip(sparsity=0.95, after="redraw"),
    )
    folder = tmp_path / "run"
    summary = run(
        recipe, folder, environment, lambda _: None, CancelToken(), stop_after="prune"
    )  # a training would take minutes
    assert summary.num_kept == round(summary.num_parameters * 0.05)
    assert load_file(folder / files.BATCH)["inputs"].shape == (10, 1, 28, 28)
    start, init = load_file(folder / files.START), load_file(folder / files.INIT)
    assert not torch.equal(start["features.0.0.weight"], init["features.0.0.weight"])


def measured(recipe, environment):
    steps = measure_network(recipe.model, (1, 28, 28), 10, environment, CancelToken())
    return next(event for event in steps if isinstance(event, NetworkMeasured)).architecture


def test_measuring_a_network_reports_what_scoring_finds(code, environment, digits):
    recipe = own(code, "Small")
    found = measured(recipe, trusting(code))
    steps = jobs.score_steps(recipe, trusting(code), digits, CancelToken())
    scored = next(event for event in steps if isinstance(event, ScoringDone)).scored
    assert scored.architecture == found
    assert scored.model.layers == found.prunable_layers == ("hidden", "out")
    fractions = scored.input_fractions(scored.num_kept_at(0.9))
    assert fractions.shape == (1, 28, 28)
    assert 0 < fractions.max() <= 1


def test_a_network_without_layers_to_prune_is_refused_when_measured(tmp_path):
    path = tmp_path / "net.py"
    path.write_text(
        "from torch import nn\n\n\ndef net():\n"
        "    return nn.Sequential(nn.Flatten(), nn.LayerNorm(784), nn.AdaptiveAvgPool1d(10))\n"
    )
    with pytest.raises(UserError, match="no layer to prune"):
        measured(own(path, "net"), trusting(path))


def test_torchvision_lists_its_networks():
    (listed,) = [e for e in list_networks(CancelToken()) if isinstance(e, NetworksListed)]
    assert "resnet18" in listed.names


def test_what_does_not_fit_one_pass_is_scored_in_several(environment, digits, monkeypatch):
    def score():
        events = list(jobs.score_steps(Recipe(**SHORT), environment, digits, CancelToken()))
        notes = [event.text for event in events if isinstance(event, Note)]
        return next(e for e in events if isinstance(e, ScoringDone)).scored, notes

    whole, notes = score()
    assert not any("passes" in note for note in notes)
    monkeypatch.setattr(one_shot, "_PASS_BYTES", 7 * whole.architecture.activation_bytes)
    parts, notes = score()
    assert any("passes of 7 images" in note for note in notes)
    assert parts.loss == pytest.approx(whole.loss)
    np.testing.assert_allclose(parts.ranking.score_M, whole.ranking.score_M, rtol=1e-4, atol=1e-9)


COMPLEX = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, image_shape, num_classes):
        super().__init__()
        self.mix = nn.Linear(784, 12, dtype=torch.complex64)
        self.out = nn.Linear(12, num_classes)

    def forward(self, images):
        return self.out(self.mix(images.flatten(1).to(torch.complex64)).abs())
"""


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_complex_layers_are_pruned_trained_and_shrunk(tmp_path, code, optimizer):
    code.write_text(COMPLEX)
    training = Training(epochs=1, learning_rate=0.01, optimizer=optimizer)
    recipe = own(code, "Net", training=training, pruning=Snip(sparsity=0.9))
    model = msgspec.structs.replace(recipe.model, init="own")
    recipe = msgspec.structs.replace(recipe, model=model)
    summary = run(recipe, tmp_path / "run", trusting(code), lambda _event: None, CancelToken())
    assert summary.state == "finished"
    assert summary.num_kept == round(0.1 * summary.num_parameters)
    package = package_run(tmp_path / "run", trusting(code).trusted_code)
    weight, removed = package.state["mix.weight"], package.masks["mix.weight"] == 0
    assert weight.is_complex()
    assert bool((weight[removed] == 0).all())
    assert package.shrunk.network.mix.weight.is_complex()
