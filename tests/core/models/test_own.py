"""Networks of the user's own: what is run, when, and what is said of those that do not work."""

from __future__ import annotations

import hashlib
import time

import msgspec
import pytest
import torch

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.errors import Cancelled, UserError
from snip_gui.core.graph.parameters import prunable_parameters
from snip_gui.core.models import own
from snip_gui.core.models.networks import make_network, measure
from snip_gui.core.models.probe import try_out
from snip_gui.core.recipe.recipe import ModelChoice, Recipe
from snip_gui.core.recipe.stages import Stage, stage_keys
from tests.core.models.networks_of_users import BAD, GOOD

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
        with pytest.raises(UserError, match="not been agreed"):
            make_network(choice, SHAPE, 10, seed=0, trusted=trusted)
        with pytest.raises(UserError, match="not been agreed"):
            drain(try_out(choice, SHAPE, 10, trusted, CancelToken()))
    own.candidates(tmp_path / "netz ünï.py")
    assert not (tmp_path / "mark").exists()
    make_network(choice, SHAPE, 10, seed=0, trusted={choice.file_digest})
    assert (tmp_path / "mark").exists()


def test_a_file_that_changed_is_not_run(choose, tmp_path):
    choice = choose("Small")
    choose("Small", GOOD + "\n# changed\n")
    with pytest.raises(UserError, match="has changed") as caught:
        own.load(choice, {choice.file_digest})
    assert caught.value.field == "model.file"


def test_candidates_are_found_without_running(tmp_path):
    path = tmp_path / "net.py"
    path.write_text(GOOD + "\nraise SystemExit\n")
    assert own.candidates(path) == ("Small", "Tied", "frozen", "half", "ten")


@pytest.mark.parametrize("content", [b"def (", b"\x00", b"\xff\xfe\xff"])
def test_what_is_no_python_is_said(tmp_path, content):
    path = tmp_path / "net.py"
    path.write_bytes(content)
    with pytest.raises(UserError, match="is not Python"):
        own.candidates(path)


def test_recipes_are_held_to_their_files(choose, tmp_path):
    choice = choose("Small")
    loose = Recipe(model=msgspec.structs.replace(choice, file_digest=""))
    pinned = own.pin_files(loose)
    assert pinned.model.file_digest == choice.file_digest
    assert own.pin_files(pinned) is pinned
    choose("Small", GOOD + "#")
    with pytest.raises(UserError, match="changed since the recipe"):
        own.pin_files(pinned)
    (tmp_path / "netz ünï.py").unlink()
    with pytest.raises(UserError, match="cannot be read"):
        own.pin_files(pinned)


def test_where_the_file_lies_makes_no_other_result(choose):
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
        ("number", "gives int, not a network"),
        ("for_colour", r"cannot take images of 1x28x28: RuntimeError: .*mat1 and mat2"),
        ("five", r"gives \(2, 5\) for two images of 10 classes"),
        ("Pair", "gives tuple"),
        ("missing", "has no class or function called “missing”"),
        ("leaves", "ended the process it was tried in, with status 4"),
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
    with pytest.raises(UserError, match="did not come back within 6 seconds"):
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
    assert time.monotonic() - started < 20  # not until the limit of sixty seconds


def test_what_passed_is_not_tried_again(choose):
    choice = choose("Small", f"# Tried by no other test of this process.\n{GOOD}")
    assert trial(choice)
    assert trial(choice) == []


def test_a_network_without_a_layer_to_prune_is_refused(choose):
    choice = choose("norm_only", BAD)
    found = measure(choice, SHAPE, 10, {choice.file_digest})
    assert found.prunable_layers == ()
    model = make_network(choice, SHAPE, 10, seed=0, trusted={choice.file_digest}).module
    with pytest.raises(UserError, match="No layer is left"):
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
