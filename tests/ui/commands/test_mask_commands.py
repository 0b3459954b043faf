"""Masks made elsewhere become the current state; the current mask goes into other scripts."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QComboBox, QFileDialog
from safetensors.numpy import load_file
from torch import nn

WAIT_MS = 60_000


@pytest.fixture
def wait(qtbot):
    return lambda condition: qtbot.waitUntil(lambda: bool(condition()), timeout=WAIT_MS)


@pytest.fixture
def masks(tmp_path):
    """A file of masks for two of the three layers of LeNet-300-100."""
    generator = np.random.default_rng(0)
    made = {
        "fc1.weight": generator.random((300, 784)) < 0.05,
        "fc2.weight": generator.random((100, 300)) < 0.1,
    }
    np.savez(tmp_path / "made elsewhere.npz", **made)
    return tmp_path / "made elsewhere.npz", made


def open_masks(application, monkeypatch, path):
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(path), ""))
    application.window.actions_by_name["open_masks"].trigger()


def test_masks_made_elsewhere_are_shown_pinned_compared_and_undone(
    started, masks, monkeypatch, wait
):
    path, made = masks
    controller, state = started.controller, started.controller.state
    controller.pins.pin_screen()
    open_masks(started, monkeypatch, path)
    wait(lambda: state.recipe.pruning.method == "given" and not state.is_stale)
    for name, mask in made.items():
        assert np.array_equal(state.scored.masks.mask_at(state.num_kept)[name], mask)
    assert state.num_kept == sum(int(mask.sum()) for mask in made.values())
    assert state.recipe.pruning.exclude == ("fc3",)
    method = started.window.setup.findChild(QComboBox, "pruning_method")
    assert method.currentText() == "Opened masks"
    pin = controller.pins.pin_screen()
    assert "Opened masks" in pin.name
    controller.undo()
    assert state.recipe.pruning.method == "snip"


def test_opened_masks_train_and_hold(started, masks, monkeypatch, wait):
    path, made = masks
    controller, state = started.controller, started.controller.state
    open_masks(started, monkeypatch, path)
    wait(lambda: state.recipe.pruning.method == "given" and not state.is_stale)
    controller.set_field("training.epochs", 1)
    controller.train()
    wait(lambda: state.training is not None and state.training.phase == "finished")
    stored = load_file(state.training.folder / "masks.safetensors")
    weights = load_file(state.training.folder / "checkpoint.safetensors")
    for name, mask in made.items():
        assert np.array_equal(stored[name] != 0, mask)
        assert not weights[f"model.{name}"][~mask].any()
    wait(lambda: controller.runs.entries)
    assert controller.runs.entries[0].name.startswith("Opened masks")


def test_another_method_can_be_chosen_afterwards(started, masks, monkeypatch, wait):
    state = started.controller.state
    open_masks(started, monkeypatch, masks[0])
    wait(lambda: state.recipe.pruning.method == "given")
    started.controller.set_field("pruning.method", "random")
    assert state.recipe.pruning.method == "random"
    method = started.window.setup.findChild(QComboBox, "pruning_method")
    assert method.findText("Opened masks") < 0


def test_masks_of_another_network_are_refused_in_place(started, tmp_path, monkeypatch, wait):
    np.savez(tmp_path / "m.npz", **{"fc1.weight": np.ones((3, 4))})
    state = started.controller.state
    before = state.recipe
    open_masks(started, monkeypatch, tmp_path / "m.npz")
    wait(lambda: state.status.problem is not None)
    assert "“fc1.weight” in “m.npz” has the shape 3 x 4" in state.status.problem.message
    assert state.recipe == before


def test_a_file_that_has_changed_is_refused_when_it_is_scored(started, masks, monkeypatch, wait):
    path, _ = masks
    state = started.controller.state
    open_masks(started, monkeypatch, path)
    wait(lambda: state.recipe.pruning.method == "given" and not state.is_stale)
    np.savez(path, **{"fc1.weight": np.ones((300, 784))})
    started.controller.set_field("seed", 5)
    started.controller.score()
    wait(lambda: state.status.problem is not None)
    assert "has changed since its masks were opened" in state.status.problem.message


def test_the_copied_lines_put_the_mask_into_a_script_of_ones_own(
    started, tmp_path, monkeypatch, wait
):
    path = tmp_path / "it's mine.safetensors"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    QGuiApplication.clipboard().setText("")
    started.window.actions_by_name["copy_mask"].trigger()
    wait(lambda: QGuiApplication.clipboard().text())
    state = started.controller.state
    model = nn.Sequential()
    for name, inputs, outputs in (("fc1", 784, 300), ("fc2", 300, 100), ("fc3", 100, 10)):
        model.add_module(name, nn.Linear(inputs, outputs))
    with torch.enable_grad():
        exec(QGuiApplication.clipboard().text(), {"model": model})
        optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9, weight_decay=0.01)
        for _ in range(5):
            optimizer.zero_grad()
            model(torch.randn(8, 784)).square().mean().backward()
            optimizer.step()
    expected = state.scored.masks.mask_at(state.num_kept)
    for name, parameter in model.named_parameters():
        kept = parameter.detach().numpy() != 0
        assert not kept[~expected[name]].any()
    assert sum(int((p != 0).sum()) for p in model.parameters()) > 0.9 * state.num_kept
    open_masks(started, monkeypatch, path)
    wait(lambda: state.recipe.pruning.method == "given" and not state.is_stale)
    for name, mask in state.scored.masks.mask_at(state.num_kept).items():
        assert np.array_equal(mask, expected[name])
