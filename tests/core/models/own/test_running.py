"""Networks of the user's own: what is run, when, and what is said of those that do not work."""

from __future__ import annotations

import hashlib
import sys
import time

import msgspec
import pytest
import torch

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.errors import Cancelled, UserError
from snip_gui.core.base.events import Note
from snip_gui.core.graph.parameters import prunable_parameters
from snip_gui.core.models.networks import make_network, measure
from snip_gui.core.models.own.probe import try_out
from snip_gui.core.models.own.running import executed_source, load, make
from snip_gui.core.models.own.source import candidates, pin_files, read_source
from snip_gui.core.recipe.recipe import ModelChoice, Recipe
from snip_gui.core.recipe.stages import Stage, stage_keys
from tests.core.models.networks_of_users import BAD, GOOD

pytestmark = pytest.mark.slow

SHAPE = (1, 28, 28)


@pytest.fixture
def choose(tmp_path):
    """Write a file and choose a name in it."""

    def write(symbol, source=GOOD, name="netz ünï.py"):
        path = tmp_path / name
        path.write_text(source, encoding="utf-8")
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        return ModelChoice(name="own", file=str(path), symbol=symbol, file_digest=digest)

    return write


def drain(steps):
    return list(steps)


def trial(choice, **options):
    trusted = {choice.file_digest}
    return drain(try_out(choice, SHAPE, 10, trusted, CancelToken(), **options))


def test_a_class_and_a_function_make_networks(choose):
    for symbol in ("Small", "frozen", "ten"):
        choice = choose(symbol)
        network = make_network(choice, SHAPE, 10, seed=0, trusted={choice.file_digest})
        assert network.module(torch.zeros(2, *SHAPE)).shape == (2, 10)
        assert network.input_shape == SHAPE


def test_no_code_is_run_that_was_not_agreed_to(choose, tmp_path):
    traitor = f"open({str(tmp_path / 'mark')!r}, 'w').close()\n{GOOD}"
    choice = choose("Small", traitor)
    for trusted in ((), {"0" * 64}):
        with pytest.raises(UserError, match="not agreed to run"):
            make_network(choice, SHAPE, 10, seed=0, trusted=trusted)
        with pytest.raises(UserError, match="not agreed to run"):
            drain(try_out(choice, SHAPE, 10, trusted, CancelToken()))
    candidates(read_source(tmp_path / "netz ünï.py"))
    assert not (tmp_path / "mark").exists()
    make_network(choice, SHAPE, 10, seed=0, trusted={choice.file_digest})
    assert (tmp_path / "mark").exists()


def test_a_file_that_changed_is_not_run(choose, tmp_path):
    choice = choose("Small")
    choose("Small", GOOD + "\n# changed\n")
    with pytest.raises(UserError, match="has changed") as caught:
        load(choice, {choice.file_digest})
    assert caught.value.field == "model.file"


def test_candidates_are_found_without_running(tmp_path):
    path = tmp_path / "net.py"
    path.write_text(GOOD + "\nraise SystemExit\n")
    assert candidates(read_source(path)) == ("Small", "Tied", "frozen", "half", "ten")


@pytest.mark.parametrize("content", [b"def (", b"\x00", b"\xff\xfe\xff"])
def test_invalid_python_is_said(tmp_path, content):
    path = tmp_path / "net.py"
    path.write_bytes(content)
    with pytest.raises(UserError, match="is not Python"):
        candidates(read_source(path))


def test_recipes_are_held_to_their_files(choose, tmp_path):
    choice = choose("Small")
    loose = Recipe(model=msgspec.structs.replace(choice, file_digest=""))
    pinned = pin_files(loose)
    assert pinned.model.file_digest == choice.file_digest
    assert pin_files(pinned) is pinned
    choose("Small", GOOD + "#")
    with pytest.raises(UserError, match="changed since the recipe"):
        pin_files(pinned)
    (tmp_path / "netz ünï.py").unlink()
    with pytest.raises(UserError, match="cannot be read"):
        pin_files(pinned)


def test_where_the_file_lies_does_not_change_the_result(choose):
    here = choose("Small")
    there = choose("Small", name="moved.py")
    assert here.file != there.file
    other = choose("Small", GOOD + "#")
    keys = [stage_keys(Recipe(model=choice))[Stage.BUILD] for choice in (here, there, other)]
    assert keys[0] == keys[1] != keys[2]


@pytest.mark.parametrize(
    ("symbol", "message"),
    [
        ("wants", "argument “depth”"),
        ("raises", r"RuntimeError: no such luck \(netz ünï.py, line 16\)"),
        ("number", "returns int, not a network"),
        ("for_colour", r"cannot take two images of 1x28x28: RuntimeError: .*mat1 and mat2"),
        ("five", r"gives \(2, 5\) for two images of 10 classes"),
        ("Pair", "gives tuple for two images, not class scores"),
        ("aux_in_training", "gives tuple for two images in training mode"),
        ("squeezes", r"cannot take one image of 1x28x28: .* line 7\d"),
        ("detaches", "have no gradient"),
        ("overwrites", "has no backward pass"),
        ("whole_numbers", "scores of type int64"),
        ("missing", "defines no class or function called “missing”"),
        ("leaves", "ended its test process with status 4"),
        ("dies", "with status 3: the last words"),
    ],
)
def test_a_network_that_does_not_work_says_why(choose, symbol, message):
    with pytest.raises(UserError, match=message) as caught:
        trial(choose(symbol, BAD))
    assert caught.value.hint
    assert caught.value.field.startswith("model.")


@pytest.mark.parametrize(
    "source", ["import no_such_package", "raise ValueError('x')", "raise SystemExit(2)"]
)
def test_a_file_that_raises_when_it_is_run_says_so(choose, source):
    with pytest.raises(UserError, match="cannot be run"):
        trial(choose("Small", source + "\n"))


def test_a_network_that_never_comes_back_is_ended(choose):
    with pytest.raises(UserError, match="did not return within 6 seconds"):
        trial(choose("Loops", BAD), limit_seconds=6)


def test_trying_out_can_be_cancelled(choose):
    cancel = CancelToken()
    choice = choose("Loops", BAD)
    steps = try_out(choice, SHAPE, 10, {choice.file_digest}, cancel)
    next(steps)
    cancel.cancel()
    started = time.monotonic()
    with pytest.raises(Cancelled):
        drain(steps)
    assert time.monotonic() - started < 20  # long before the limit


def test_what_passed_is_not_tried_again(choose):
    choice = choose("Small", f"# Tried by no other test of this process.\n{GOOD}")
    assert trial(choice)
    assert trial(choice) == []


def test_a_network_without_a_layer_to_prune_is_refused(choose):
    choice = choose("norm_only", BAD)
    found = measure(choice, SHAPE, 10, {choice.file_digest})
    assert found.prunable_layers == ()
    model = make_network(choice, SHAPE, 10, seed=0, trusted={choice.file_digest}).module
    with pytest.raises(UserError, match="There is no layer left"):
        prunable_parameters(model)


def test_frozen_parameters_do_not_compete_and_are_counted(choose):
    choice = choose("frozen")
    trusted = {choice.file_digest}
    found = measure(choice, SHAPE, 10, trusted)
    assert found.num_frozen == 6
    model = make_network(choice, SHAPE, 10, seed=0, trusted=trusted).module
    names = [tensor.name for tensor in prunable_parameters(model).layout.tensors]
    assert names == ["hidden.weight", "out.weight", "out.bias"]


def test_half_precision_is_worked_with_in_single(choose):
    choice = choose("half")
    model = make_network(choice, SHAPE, 10, seed=0, trusted={choice.file_digest}).module
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}


def test_the_networks_own_draw_follows_the_seed(choose):
    choice = msgspec.structs.replace(choose("Small"), init="own")
    trusted = {choice.file_digest}

    def weights(seed):
        return make_network(choice, SHAPE, 10, seed=seed, trusted=trusted).module.hidden

    assert torch.equal(weights(1).weight, weights(1).weight)
    assert not torch.equal(weights(1).weight, weights(2).weight)
    assert weights(1).bias.abs().sum() > 0  # torch draws biases too


@pytest.mark.parametrize(
    ("symbol", "name"), [("softmaxes", "a softmax"), ("log_softmaxes", "a log-softmax")]
)
def test_probabilities_in_place_of_scores_are_remarked_on(choose, symbol, name):
    notes = [event.text for event in trial(choose(symbol, BAD)) if isinstance(event, Note)]
    assert any(f"look like the output of {name}" in note for note in notes)
    plain = [event.text for event in trial(choose("Small")) if isinstance(event, Note)]
    assert not any("look like" in note for note in plain)


def test_the_trial_names_the_digest_of_what_it_runs(choose):
    choice = choose("Small", f"# Tried by no other.\n{GOOD}")
    notes = [event.text for event in trial(choice) if isinstance(event, Note)]
    assert any(choice.file_digest in note for note in notes)


@pytest.mark.parametrize(
    "helper",
    ["helper.py", "helper/__init__.py", "helper/part.py"],
    ids=["file", "package", "folder"],
)
@pytest.mark.parametrize(
    "way",
    [
        "sys.path.insert(0, {folder!r}); import helper",
        "sys.path.insert(0, {folder!r}); from helper import *",
        "sys.path.append({folder!r}); __import__('importlib').import_module('helper')",
        "os.chdir({folder!r}); sys.path.insert(0, ''); import helper",
    ],
)
def test_files_beside_the_network_are_not_imported(choose, tmp_path, monkeypatch, helper, way):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", list(sys.path))
    monkeypatch.delitem(sys.modules, "helper", raising=False)
    mark = tmp_path / "mark"
    (tmp_path / helper).parent.mkdir(exist_ok=True)
    (tmp_path / helper).write_text(f"open({str(mark)!r}, 'w').close()\n")
    source = f"import os, sys\n{way.format(folder=str(tmp_path))}\n{GOOD}"
    choice = choose("Small", source, name="net.py")
    with pytest.raises(UserError, match=r"a network is one file.*net.py, line 2"):
        load(choice, {choice.file_digest})
    assert not mark.exists()


def test_a_file_beside_it_is_not_imported_later_either(choose, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.path", [*sys.path, str(tmp_path)])
    (tmp_path / "later_helper.py").write_text("raise SystemExit\n")
    source = "def late(num_classes):\n    import later_helper\n"
    choice = choose("late", source)
    factory = load(choice, {choice.file_digest})
    with pytest.raises(UserError, match="a network is one file"):
        make(factory, choice, SHAPE, 10)


def test_installed_packages_are_imported_wherever_the_file_lies(choose):
    choice = choose("Small", f"import wave, numpy, torchvision\n{GOOD}")
    load(choice, {choice.file_digest})


@pytest.mark.parametrize("symbol", ["system", "os.system", "os", "torch", "partial", "nn"])
def test_only_what_the_file_defines_is_called(choose, symbol):
    source = f"import os\nfrom os import system\nfrom functools import partial\n{GOOD}"
    choice = choose(symbol, source)
    with pytest.raises(UserError, match="defines no class or function called"):
        load(choice, {choice.file_digest})


def test_what_ran_is_kept_though_the_file_was_edited_since(choose, tmp_path):
    choice = choose("Small")
    before = (tmp_path / "netz ünï.py").read_bytes()
    load(choice, {choice.file_digest})
    choose("Small", "print('edited')")
    assert executed_source(choice.file_digest) == before


def test_a_network_that_changes_its_images_in_place_can_be_tried(choose):
    source = """
from torch import nn

def inplace(num_classes):
    return nn.Sequential(nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(784, num_classes))
"""
    trial(choose("inplace", source))


def test_an_argument_with_a_default_is_left_at_it(choose):
    source = """
from torch import nn

class Masked(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        self.fc = nn.Linear(784, num_classes)

    def forward(self, x, mask=None):
        x = x if mask is None else x * mask
        return self.fc(x.flatten(1))
"""
    choice = choose("Masked", source)
    trial(choice)
    assert measure(choice, SHAPE, 10, {choice.file_digest}).num_parameters == 7850


def test_a_trial_runs_nothing_of_the_current_folder(choose, tmp_path, monkeypatch):
    """It may be a stranger's, with a file named as a module that the trial imports."""
    for name in ("torch", "signal", "msgspec"):
        (tmp_path / f"{name}.py").write_text(f"open('ran-{name}', 'w').close()\n")
    monkeypatch.chdir(tmp_path)
    trial(choose("Small", GOOD + "\n# another file than in other tests\n"))
    assert not list(tmp_path.glob("ran-*"))
