"""Opening a checkpoint: asked for, or dropped on the window."""

from __future__ import annotations

import pytest
import torch
from PySide6.QtCore import QMimeData, Qt, QUrl
from PySide6.QtWidgets import QComboBox, QFileDialog, QLabel, QToolButton

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.environment import Environment
from snip_gui.core.execution.run import run
from snip_gui.core.export.export import export_all
from snip_gui.core.export.package import package_run
from snip_gui.core.recipe.methods import Magnitude, Snip
from snip_gui.core.recipe.recipe import Recipe
from snip_gui.ui.dialogs.files.import_dialog import ImportDialog
from snip_gui.ui.dialogs.files.weight_set_dialog import WeightSetDialog
from tests.ui.dragging import drop

WAIT_MS = 60_000


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A run that was pruned to 98%, in the smallest format."""
    place = tmp_path_factory.mktemp("exported")
    recipe = Recipe(pruning=Snip(sparsity=0.98))
    environment = Environment(device="cpu", num_threads=1)
    run(recipe, place / "run", environment, lambda _e: None, CancelToken(), stop_after="prune")
    wanted = [("packed", place / "net.snip"), ("pt", place / "net.pt")]
    list(export_all(place / "run", wanted, CancelToken()))
    return place


def opened(qtbot, application):
    """The dialog that comes once the file was read."""
    window = application.window
    qtbot.waitUntil(lambda: window.findChild(ImportDialog) is not None, timeout=WAIT_MS)
    return window.findChild(ImportDialog)


def said(dialog, name):
    return dialog.findChild(QLabel, name).text()


def drag(path):
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    return data


def test_a_dropped_checkpoint_is_shown_with_its_mask_and_can_be_undone(started, qtbot, exported):
    state = started.controller.state
    before = state.recipe
    assert drop(started.window, drag(exported / "net.snip"))
    dialog = opened(qtbot, started)
    assert said(dialog, "import_file") == "net.snip"
    assert "bit mask and values: 266,610 values" in said(dialog, "import_kind")
    assert "its mask: 98%" in said(dialog, "import_mask")
    assert "UCI digits" in said(dialog, "import_origin")
    assert state.recipe == before  # nothing changes before it is agreed to
    qtbot.mouseClick(dialog.open_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not state.is_stale and not started.host.is_busy(), timeout=WAIT_MS)
    assert isinstance(state.recipe.pruning, Magnitude)
    masks = package_run(exported / "run").masks
    scored = state.scored
    kept = scored.ranking.mask_at(state.num_kept)
    assert all(torch.equal(torch.from_numpy(kept[k]).byte(), masks[k]) for k in masks)
    assert not state.status.problem
    started.controller.undo_stack.undo()
    assert state.recipe == before


def test_it_trains_on_and_is_exported_again(started, qtbot, exported, tmp_path):
    controller = started.controller
    assert drop(started.window, drag(exported / "net.snip"))
    opened(qtbot, started).accept()
    qtbot.waitUntil(lambda: controller.state.can_train, timeout=WAIT_MS)
    controller.set_field("training.epochs", 1)
    controller.train()
    qtbot.waitUntil(lambda: controller.state.training.summary is not None, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: not started.host.is_busy(), timeout=WAIT_MS)
    controller.exporter.choose()
    controller.exporter.export([("pt", tmp_path / "again.pt")])
    qtbot.waitUntil(lambda: bool(controller.exporter.done), timeout=WAIT_MS)
    again = torch.load(tmp_path / "again.pt", weights_only=True)
    masks = package_run(exported / "run").masks
    assert all(bool((again[name][mask == 0] == 0).all()) for name, mask in masks.items())


def test_a_checkpoint_is_asked_for_from_the_menu(started, qtbot, exported, monkeypatch):
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_a: (str(exported / "net.pt"), ""))
    started.window.actions_by_name["open_checkpoint"].trigger()
    dialog = opened(qtbot, started)
    assert "does not say" in said(dialog, "import_origin")
    assert dialog.findChild(QComboBox, "import_network").currentText() == "LeNet-300-100"
    dialog.reject()


def test_a_file_of_another_kind_is_reported_in_place(started, qtbot, tmp_path):
    (tmp_path / "broken.pt").write_bytes(b"PK\x03\x04 nonsense")
    assert drop(started.window, drag(tmp_path / "broken.pt"))
    state = started.controller.state
    qtbot.waitUntil(lambda: state.status.problem is not None, timeout=WAIT_MS)
    assert "broken.pt" in state.status.problem.message
    assert started.window.findChild(ImportDialog) is None


def test_one_of_several_sets_of_weights_is_asked_for(started, qtbot, exported, tmp_path):
    state = torch.load(exported / "net.pt", weights_only=True)
    dense = {name: torch.ones_like(tensor) for name, tensor in state.items()}
    torch.save({"model": dense, "model_ema": state}, tmp_path / "two.pt")
    window, model = started.window, lambda: started.controller.state.recipe.model
    assert drop(window, drag(tmp_path / "two.pt"))
    choose_set(qtbot, window, row=1)
    dialog = opened(qtbot, started)
    assert "under “model_ema”" in said(dialog, "import_kind")
    assert "98%" in said(dialog, "import_mask")
    dialog.accept()
    assert model().weights_key == "model_ema"
    started.controller.network.use_weights(tmp_path / "two.pt")
    choose_set(qtbot, window, row=0)
    qtbot.waitUntil(lambda: model().weights_key == "model", timeout=WAIT_MS)
    assert window.findChild(QToolButton, "weights_file").text() == "two.pt: model"
    started.controller.network.initialise_weights()
    assert model().weights_key == ""


def choose_set(qtbot, window, *, row):
    qtbot.waitUntil(lambda: window.findChild(WeightSetDialog) is not None, timeout=WAIT_MS)
    dialog = window.findChild(WeightSetDialog)
    assert dialog.list.count() == 2
    assert "266,610 values" in dialog.list.item(row).text()
    dialog.list.setCurrentRow(row)
    qtbot.mouseClick(dialog.ok_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.findChild(WeightSetDialog) is None, timeout=WAIT_MS)


def test_other_things_are_not_taken(started, tmp_path):
    assert not drop(started.window, drag(tmp_path / "picture.png"))
    assert not drop(started.window, QMimeData())
