from __future__ import annotations

import hashlib

import msgspec
import pytest
import torch

from snip_gui.core.models.own.source import read_source
from snip_gui.core.recipe.recipe import Draw, ModelChoice, Recipe
from tests.core.models.networks_of_users import BAD, GOOD
from tests.qt_fixtures import WAIT_MS

RECIPE = Recipe(minibatch=Draw(size=20))


@pytest.fixture
def started(make_controller, qtbot):
    """A controller whose first network was measured and scored."""

    def start(recipe=RECIPE, **preferences):
        controller = make_controller(recipe, **preferences)
        controller.start()
        wait(qtbot, lambda: bool(controller.state.devices))
        wait(qtbot, lambda: not controller.is_busy())
        return controller

    return start


@pytest.fixture
def code(tmp_path):
    path = tmp_path / "net.py"
    path.write_text(GOOD)
    return path


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def wait(qtbot, condition):
    qtbot.waitUntil(condition, timeout=WAIT_MS)


def test_the_network_is_measured_whenever_it_changes(started, qtbot):
    controller = started()
    state = controller.state
    assert state.network.architecture.num_parameters == 266_610
    controller.set_field("model.name", "torchvision:mobilenet_v2")
    assert state.network.architecture is None
    assert state.network.layers == ()
    wait(qtbot, lambda: state.network.architecture is not None)
    assert state.network.info.title == "MobileNetV2"
    assert "classifier.1" in state.network.layers
    measured = state.network.architecture
    controller.set_sparsity(0.5)
    controller.set_field("seed", 3)
    assert state.network.architecture is measured
    controller.undo_stack.setIndex(0)
    wait(qtbot, lambda: state.network.architecture is not None)
    assert state.network.architecture.num_parameters == 266_610


def test_an_own_network_is_used_scored_and_remembered(started, qtbot, code):
    controller = started()
    state = controller.state
    controller.network.use_code(read_source(code), "Small")
    assert digest(code) in state.preferences.trusted_code
    wait(qtbot, lambda: state.network.architecture is not None)
    assert state.network.layers == ("hidden", "out")
    controller.score()
    wait(qtbot, lambda: not state.is_stale)
    assert state.scored.model.title == "Small"
    controller.undo_stack.undo()
    assert state.recipe.model == ModelChoice()
    assert digest(code) in state.preferences.trusted_code  # agreeing is no part of a recipe


def test_code_that_a_recipe_brings_is_asked_about_and_not_run(started, qtbot, code, tmp_path):
    mark = tmp_path / "mark"
    code.write_text(GOOD + f"\nopen({str(mark)!r}, 'w').close()\n")
    choice = ModelChoice(name="own", file=str(code), symbol="Small", file_digest=digest(code))
    controller = started()
    with qtbot.waitSignal(controller.network.trust_asked, timeout=WAIT_MS):
        controller.edit(msgspec.structs.replace(RECIPE, model=choice), "Open")
    assert not controller.network.is_agreed
    assert controller.state.network.architecture is None
    controller.score()
    wait(qtbot, lambda: controller.state.status.problem is not None)
    assert "not agreed to run" in controller.state.status.problem.message
    controller.network.refuse_code()
    assert "was not run" in controller.state.status.problem.message
    assert not mark.exists()
    controller.network.use_code(read_source(code), "Small")
    wait(qtbot, lambda: controller.state.network.architecture is not None)
    assert mark.exists()


def test_agreement_is_kept_for_the_contents_of_a_file(started, qtbot, code):
    choice = ModelChoice(name="own", file=str(code), symbol="Small", file_digest=digest(code))
    recipe = msgspec.structs.replace(RECIPE, model=choice)
    controller = started(recipe, trusted_code=(digest(code),))
    wait(qtbot, lambda: controller.state.network.architecture is not None)
    assert controller.state.network.layers == ("hidden", "out")


def test_a_network_that_does_not_work_is_reported_and_the_choice_before_comes_back(
    started, qtbot, code
):
    code.write_text(BAD)
    controller = started()
    first = controller.state.scored
    controller.network.use_code(read_source(code), "five")
    wait(qtbot, lambda: controller.state.status.problem is not None)
    assert "(2, 5)" in controller.state.status.problem.message
    controller.undo_stack.undo()
    assert controller.state.status.problem is None
    assert controller.state.scored is first
    assert not controller.state.is_stale


def test_weights_are_read_first_and_then_used(started, qtbot, tmp_path):
    controller = started()
    state = controller.state
    before = state.scored
    controller.network.use_weights(tmp_path / "gone.pt")
    wait(qtbot, lambda: state.status.problem is not None)
    assert state.recipe.model.weights == ""
    zeros = {f"fc{n}.{part}": torch.ones(shape) for n, part, shape in (
        (1, "weight", (300, 784)), (1, "bias", (300,)), (2, "weight", (100, 300)),
        (2, "bias", (100,)), (3, "weight", (10, 100)), (3, "bias", (10,)))}  # fmt: skip
    torch.save(zeros, tmp_path / "w.pt")
    controller.network.use_weights(tmp_path / "w.pt")
    wait(qtbot, lambda: state.recipe.model.weights != "")
    assert state.status.problem is None
    assert state.recipe.model.weights_digest == digest(tmp_path / "w.pt")
    controller.score()
    wait(qtbot, lambda: not state.is_stale)
    assert (state.scored.weight_M == 1).all()
    controller.network.initialise_weights()
    assert state.recipe == RECIPE
    assert state.scored is before


def test_torchvisions_names_are_asked_for_once(started, qtbot):
    controller = started()
    controller.network.list_networks()
    wait(qtbot, lambda: bool(controller.state.network.names))
    assert "swin_t" in controller.state.network.names
    wait(qtbot, lambda: not controller.is_busy())
    controller.network.list_networks()
    assert not controller.is_busy()
