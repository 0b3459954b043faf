"""Pins, runs and opened files as branches of what they came from."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton

from snip_gui.session.runs.tree.plans import Plans
from tests.run_folders import make_run

WAIT_MS = 60_000


@pytest.fixture
def wait(qtbot):
    return lambda condition: qtbot.waitUntil(lambda: bool(condition()), timeout=WAIT_MS)


@pytest.fixture
def tree(started, qtbot):
    started.window.views.show_runs()
    page = started.window.lazy.runs
    qtbot.mouseClick(page.as_tree, Qt.MouseButton.LeftButton)
    return page.tree


def branches(tree):
    """Each state as its kind and sparsity, with its branches."""

    def below(item):
        return (
            item.text(1), item.text(3), [below(item.child(n)) for n in range(item.childCount())]
        )  # fmt: skip

    return [below(tree.tree.topLevelItem(n)) for n in range(tree.tree.topLevelItemCount())]


def select(tree, *kinds):
    for item in tree._items():
        item.setSelected((item.text(1), item.text(3)) in kinds)


def pin(application, sparsity):
    application.controller.set_sparsity(sparsity)
    application.controller.pins.pin_screen()


def test_pins_branch_from_the_state_that_was_opened(started, tree, qtbot):
    assert "Pin a mask" in tree._hint.text()
    for sparsity in (0.5, 0.9):
        pin(started, sparsity)
    assert branches(tree) == [("pin", "50%", [("pin", "90%", [])])]
    select(tree, ("pin", "50%"))
    qtbot.mouseClick(tree.findChild(QPushButton, "plan_open"), Qt.MouseButton.LeftButton)
    assert started.controller.state.recipe.pruning.sparsity == pytest.approx(0.5)
    pin(started, 0.95)
    assert branches(tree) == [("pin", "50%", [("pin", "90%", []), ("pin", "95%", [])])]


def test_undo_goes_back_to_the_former_origin(started, tree):
    pin(started, 0.5)
    pin(started, 0.9)
    plans = started.controller.plans
    first, second = plans.all
    plans.open(first)
    assert plans.origin == first.key
    started.controller.undo()
    assert plans.origin == second.key


def test_a_training_is_a_branch_of_the_pin_that_it_came_from(started, tree, wait):
    pin(started, 0.9)
    started.controller.set_field("training.epochs", 1)
    started.controller.train()
    state = started.controller.state
    wait(lambda: state.training is not None and state.training.phase == "finished")
    wait(lambda: [e.test_error for e in started.controller.runs.entries] != [None])
    wait(lambda: len(tree._items()) == 2)
    assert branches(tree) == [("pin", "90%", [("run", "90%", [])])]
    run = tree._items()[1]
    assert run.text(2) == "SNIP"
    assert run.text(5) == f"{started.controller.runs.entries[0].test_error:.2%}"


def test_any_two_states_are_compared(started, tree, qtbot, wait, tmp_path):
    recipe = started.controller.state.recipe
    make_run(tmp_path / "runs", "made elsewhere", recipe, num_kept=5000)
    started.controller.runs.refresh()
    pin(started, 0.5)
    wait(lambda: len(tree._items()) == 2)
    for item in tree._items():
        item.setSelected(True)
    qtbot.mouseClick(tree.compare, Qt.MouseButton.LeftButton)
    pins = started.controller.pins
    wait(lambda: len(pins.pins) == 2 and pins.choice[0] != pins.choice[1] and 0 not in pins.choice)
    assert {pins.get_mask(number).num_kept for number in pins.choice} == {133305, 5000}
    window = started.window
    wait(lambda: window.centre.currentWidget() is window.comparing.page)


def test_an_opened_file_is_a_root_of_what_is_made_from_it(started, tree, wait, tmp_path):
    np.savez(tmp_path / "m.npz", **{"fc1.weight": np.eye(300, 784)})
    started.controller.importer.open_masks(tmp_path / "m.npz")
    state = started.controller.state
    wait(lambda: state.recipe.pruning.method == "given" and not state.is_stale)
    started.controller.pins.pin_screen()
    ((kind, _, below),) = branches(tree)
    assert kind == "file"
    assert [branch[0] for branch in below] == ["pin"]
    assert tree._items()[0].text(0) == "m.npz"


def test_the_tree_is_there_at_the_next_start(started, tree, tmp_path, qtbot):
    pin(started, 0.5)
    pin(started, 0.9)
    controller, file = started.controller, tmp_path / "plans.json"
    controller.plans.keep_in(file)
    pin(started, 0.95)
    assert controller.plans.finish()
    again = Plans(
        controller.state, controller.pins, controller.kept_pins, controller.runs, controller.edit
    )
    again.keep_in(file)
    assert again.parents() == controller.plans.parents()
    assert sum(parent == "" for parent in again.parents().values()) == 1


@pytest.mark.parametrize("data", [b"", b"[]", b'{"format": 2}', b'{"format": 1, "links": 3}'])
def test_a_damaged_file_is_set_aside(started, tmp_path, data):
    file = tmp_path / "plans.json"
    file.write_bytes(data)
    started.controller.plans.keep_in(file)
    notices = started.controller.state.notices.all
    assert any("could not be restored" in notice.text for notice in notices)
