"""A bundle in the window: dropped, looked at, verified, kept, and its recipe opened."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QMimeData, Qt, QUrl
from PySide6.QtWidgets import QFileDialog, QLabel

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.environment import Environment
from snip_gui.core.execution.run import run
from snip_gui.core.recipe.json import encode_recipe
from snip_gui.core.recipe.methods import Snip
from snip_gui.core.recipe.recipe import Draw, Recipe
from snip_gui.core.runs import folder as files
from snip_gui.core.sharing.bundle import read_manifest, write_bundle
from snip_gui.ui.dialogs.files.bundle_dialog import BundleDialog
from tests.ui.dragging import drop

WAIT_MS = 60_000
RECIPE = Recipe(minibatch=Draw(classes=(8,), size=20), pruning=Snip(sparsity=0.98))


@pytest.fixture(scope="module")
def bundled(tmp_path_factory):
    place = tmp_path_factory.mktemp("bundled")
    environment = Environment(device="cpu", num_threads=1)
    run(RECIPE, place / "run", environment, lambda _e: None, CancelToken(), stop_after="prune")
    path = place / "<img src='x'>.snip.zip"
    list(write_bundle(place / "run", path, CancelToken()))
    return path


def drag(path):
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    return data


@pytest.fixture
def dialog(application, qtbot, bundled):
    assert drop(application.window, drag(bundled))
    window = application.window
    qtbot.waitUntil(lambda: window.findChild(BundleDialog) is not None, timeout=WAIT_MS)
    return window.findChild(BundleDialog)


def said(dialog, name):
    label = dialog.findChild(QLabel, name)
    assert label.textFormat() == Qt.TextFormat.PlainText
    return label.text()


def click(qtbot, button):
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_a_dropped_bundle_is_shown(dialog, bundled):
    assert said(dialog, "bundle_file") == bundled.name
    assert said(dialog, "bundle_network") == "LeNet-300-100"
    assert "98%: 5,332 of 266,610 connections kept" in said(dialog, "bundle_mask")
    assert said(dialog, "bundle_training").startswith("None")
    number = len(read_manifest(bundled).files)
    assert said(dialog, "bundle_files").startswith(f"{number} files")
    assert not dialog.findChild(QLabel, "bundle_input_map").pixmap().isNull()
    dialog.reject()


def test_its_mask_is_verified(dialog, qtbot):
    click(qtbot, dialog.verify)
    assert not dialog.verify.isEnabled()
    qtbot.waitUntil(lambda: dialog.verify.isEnabled(), timeout=WAIT_MS)
    assert "266,610 values of the mask are equal" in said(dialog, "bundle_result")
    dialog.reject()


def test_it_is_added_to_the_runs_and_its_recipe_opened(dialog, qtbot, application):
    state = application.controller.state
    click(qtbot, dialog.keep)
    qtbot.waitUntil(lambda: bool(application.controller.runs.entries), timeout=WAIT_MS)
    qtbot.waitUntil(lambda: "Added" in said(dialog, "bundle_result"), timeout=WAIT_MS)
    assert not dialog.keep.isEnabled()
    click(qtbot, dialog.recipe)
    assert state.recipe == RECIPE
    application.controller.undo()
    assert state.recipe != RECIPE


def test_a_dropped_recipe_is_opened_and_can_be_undone(application, qtbot, tmp_path):
    path = tmp_path / "other.recipe.json"
    path.write_text(encode_recipe(RECIPE))
    state = application.controller.state
    before = state.recipe
    assert drop(application.window, drag(path))
    qtbot.waitUntil(lambda: state.recipe == RECIPE, timeout=WAIT_MS)
    application.controller.undo()
    assert state.recipe == before


def test_share_asks_for_a_name_and_writes_a_bundle(started, qtbot, tmp_path, monkeypatch):
    path = tmp_path / "mine.snip.zip"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_a: (str(path), ""))
    action = started.window.actions_by_name["share"]
    assert action.isEnabled()
    with qtbot.waitSignal(started.controller.sharing.written, timeout=WAIT_MS):
        action.trigger()
    assert files.MASKS in read_manifest(path).files
