"""Choosing a network by pointing: torchvision's, one of one's own, and what it is made of."""

from __future__ import annotations

import dataclasses
import hashlib

import msgspec
import pytest
import torch
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QDialogButtonBox,
    QFileDialog,
    QLabel,
    QPushButton,
    QScrollArea,
    QTableView,
    QToolButton,
)

from snip_gui.core.recipe.fields import all_fields
from snip_gui.core.recipe.methods import METHODS, Han
from snip_gui.core.recipe.recipe import ModelChoice
from snip_gui.ui.dialogs.inputs.networks_dialog import NetworksDialog
from snip_gui.ui.dialogs.inputs.own_network_dialog import OwnNetworkDialog
from tests.core.models.networks_of_users import GOOD
from tests.qt_fixtures import WAIT_MS


def child(window, kind, name):
    found = window.findChild(kind, name)
    assert found is not None, name
    return found


@pytest.fixture
def window(started):
    assert started.window.lazy.network is not None  # made when it is first asked for
    return started.window


@pytest.fixture
def state(started):
    return started.controller.state


@pytest.fixture
def code(tmp_path):
    path = tmp_path / "net.py"
    path.write_text(GOOD)
    return path


def choose(window, text):
    """Choose an entry of the list of networks, as a click does."""
    combo = child(window, QComboBox, "model_name")
    number = combo.findText(text)
    assert number >= 0, text
    combo.setCurrentIndex(number)
    combo.activated.emit(number)


def dialog_of(window, qtbot, kind):
    qtbot.waitUntil(lambda: window.findChild(kind) is not None, timeout=WAIT_MS)
    dialog = window.findChild(kind)
    qtbot.waitExposed(dialog)
    return dialog


def ok(dialog):
    return dialog.buttons.button(QDialogButtonBox.StandardButton.Ok)


def cells(window):
    model = child(window, QTableView, "network_table").model()
    return [
        [model.index(row, column).data() for column in range(model.columnCount())]
        for row in range(model.rowCount())
    ]


def test_a_network_of_torchvision_is_chosen_by_a_few_letters(window, state, qtbot):
    choose(window, "More from torchvision…")
    assert child(window, QComboBox, "model_name").currentText() == "LeNet-300-100"
    dialog = dialog_of(window, qtbot, NetworksDialog)
    qtbot.waitUntil(lambda: bool(dialog.name()), timeout=WAIT_MS)
    qtbot.keyClicks(dialog.filter, "ShuffleNet_v2_x0")
    assert dialog.name() == "shufflenet_v2_x0_5"
    qtbot.mouseClick(ok(dialog), Qt.MouseButton.LeftButton)
    assert state.recipe.model.name == "torchvision:shufflenet_v2_x0_5"
    assert child(window, QComboBox, "model_name").currentText() == "shufflenet_v2_x0_5"
    qtbot.waitUntil(lambda: state.network.architecture is not None, timeout=WAIT_MS)
    assert cells(window)[0][0] == "conv1.0"


def test_letters_that_no_network_has_leave_nothing_to_choose(window, qtbot):
    choose(window, "More from torchvision…")
    dialog = dialog_of(window, qtbot, NetworksDialog)
    qtbot.waitUntil(lambda: bool(dialog.name()), timeout=WAIT_MS)
    dialog.filter.setText("no such network")
    assert not ok(dialog).isEnabled()
    dialog.filter.setText("")
    assert ok(dialog).isEnabled()
    dialog.reject()


def test_an_own_network_is_shown_agreed_to_and_used(window, state, qtbot, code, monkeypatch):
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(code), ""))
    choose(window, "Your own network…")
    dialog = dialog_of(window, qtbot, OwnNetworkDialog)
    assert not ok(dialog).isEnabled()
    browse = child(dialog, QPushButton, "own_browse")
    qtbot.mouseClick(browse, Qt.MouseButton.LeftButton)
    assert "class Small" in dialog.code.toPlainText()
    assert [dialog.symbol.itemText(n) for n in range(2)] == ["Small", "Tied"]
    assert ok(dialog).text() == "Run this code and use it"
    qtbot.mouseClick(ok(dialog), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: state.network.architecture is not None, timeout=WAIT_MS)
    assert child(window, QComboBox, "model_name").currentText() == "Small"
    assert child(window, QPushButton, "network_file").text() == "net.py"
    assert [row[0] for row in cells(window)] == ["hidden", "out"]
    # The second time the file is known.
    child(window, QPushButton, "network_file").click()
    qtbot.waitUntil(lambda: dialog_of(window, qtbot, OwnNetworkDialog) is not dialog)
    again = dialog_of(window, qtbot, OwnNetworkDialog)
    assert ok(again).text() == "Use it"
    again.reject()
    assert state.status.problem is None


def test_code_that_a_recipe_brings_is_asked_about(window, started, state, qtbot, code):
    digest = hashlib.sha256(code.read_bytes()).hexdigest()
    choice = ModelChoice(name="own", file=str(code), symbol="Tied", file_digest=digest)
    started.controller.edit(msgspec.structs.replace(state.recipe, model=choice), "Open")
    dialog = dialog_of(window, qtbot, OwnNetworkDialog)
    source, symbol = dialog.chosen()
    assert (source.path, source.digest, symbol) == (code, digest, "Tied")
    dialog.reject()
    assert "was not run" in state.status.problem.message
    assert state.network.architecture is None
    assert child(window, QLabel, "network_empty").isVisibleTo(window.lazy.network)


@pytest.mark.parametrize(
    ("content", "message"),
    [("def (", "is not Python"), ("x = 1", "no class or function"), (None, "cannot be read")],
)
def test_an_unsuitable_file_is_reported_in_the_dialog(window, qtbot, tmp_path, content, message):
    choose(window, "Your own network…")
    dialog = dialog_of(window, qtbot, OwnNetworkDialog)
    path = tmp_path / "bad.py"
    if content is not None:
        path.write_text(content)
    dialog.file.setText(str(path))
    dialog.file.editingFinished.emit()
    assert message in child(dialog, QLabel, "own_warning").text()
    assert not ok(dialog).isEnabled()
    dialog.reject()


def test_the_network_is_listed_layer_by_layer_and_follows_the_slider(window, started, state, qtbot):
    window.actions_by_name["show_network"].trigger()
    assert window.centre.currentWidget() is window.lazy.network_page
    assert cells(window)[0][:4] == ["fc1", "Linear", "300", "235,500"]
    total = child(window, QLabel, "network_total")
    assert "266,610 parameters" in total.text()
    started.controller.set_sparsity(0.5)
    rows = {row.layer: row for row in state.layer_rows()}
    qtbot.waitUntil(lambda: cells(window)[0][4] == f"{rows['fc1'].kept:,}", timeout=WAIT_MS)
    assert cells(window)[0][6] == f"{rows['fc1'].weights_kept:,}"


def test_parameters_outside_layers_are_named_below_the_table(window, state):
    window.actions_by_name["show_network"].trigger()
    architecture = state.network.architecture
    state.network.set_architecture(dataclasses.replace(architecture, outside=(("w1", 18_816),)))
    total = child(window, QLabel, "network_total").text()
    assert "18,816 parameters of w1 are outside layers and are not pruned." in total


def test_layers_that_are_not_pruned_say_so(window, started, state, qtbot):
    started.controller.set_field("model.name", "alexnet-s")
    started.controller.set_field("pruning.exclude", ("fc3",))
    started.controller.score()
    qtbot.waitUntil(
        lambda: not state.is_stale and state.network.architecture is not None, timeout=WAIT_MS
    )
    kept = {row[0]: row[4] for row in cells(window)}
    assert kept["norm1"] == "not pruned"
    assert kept["fc3"] == "dense"
    assert kept["fc1"].replace(",", "").isdigit()
    dense = child(window, QLabel, "layers_dense")
    assert dense.text() == "Excluded from pruning: fc3."
    # A click on a layer shows its weights; one without weights to prune leaves the view alone.
    table = child(window, QTableView, "network_table")
    table.activated.emit(table.model().index(list(kept).index("norm1"), 0))
    assert window.heatmap.weights.layer.currentText() != "norm1"
    table.activated.emit(table.model().index(list(kept).index("conv2"), 0))
    assert window.heatmap.weights.layer.currentText() == "conv2"


def test_weights_are_chosen_and_given_up(window, state, qtbot, tmp_path, monkeypatch):
    torch.save(
        {f"fc{n}.{part}": torch.ones(shape) for n, part, shape in (
            (1, "weight", (300, 784)), (1, "bias", (300,)), (2, "weight", (100, 300)),
            (2, "bias", (100,)), (3, "weight", (10, 100)), (3, "bias", (10,)))},
        tmp_path / "ones.pt",
    )  # fmt: skip
    button = child(window, QToolButton, "weights_file")
    assert button.text() == "random"
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(tmp_path / "ones.pt"), ""))
    choose_file, draw = button.menu().actions()
    choose_file.trigger()
    qtbot.waitUntil(lambda: button.text() == "ones.pt", timeout=WAIT_MS)
    assert state.is_stale
    draw.trigger()
    assert button.text() == "random"
    assert not state.is_stale


def test_code_swapped_between_the_question_and_the_answer_does_not_run(
    window, state, qtbot, code, tmp_path
):
    mark = tmp_path / "mark"
    choose(window, "Your own network…")
    dialog = dialog_of(window, qtbot, OwnNetworkDialog)
    dialog.file.setText(str(code))
    dialog.file.editingFinished.emit()
    shown = hashlib.sha256(code.read_bytes()).hexdigest()
    assert shown in dialog.digest.text()
    code.write_text(f"open({str(mark)!r}, 'w').close()\n{code.read_text()}")
    qtbot.mouseClick(ok(dialog), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: state.status.problem is not None, timeout=WAIT_MS)
    assert "has changed" in state.status.problem.message
    assert state.preferences.trusted_code == (shown,)
    assert not mark.exists()


def test_code_that_hides_something_is_shown_with_a_warning(window, qtbot, code):
    code.write_text("x = 1" + " " * 3000 + f"; import os\n{code.read_text()}")
    choose(window, "Your own network…")
    dialog = dialog_of(window, qtbot, OwnNetworkDialog)
    dialog.file.setText(str(code))
    dialog.file.editingFinished.emit()
    assert "⟦3,000 blanks⟧ ; import os" in dialog.code.toPlainText()
    assert "far to the right" in child(dialog, QLabel, "own_warning").text()
    assert ok(dialog).isEnabled()
    dialog.reject()


# The pruning methods


def choose_method(window, name):
    combo = child(window, QComboBox, "pruning_method")
    combo.setCurrentIndex(combo.findData(name))
    combo.activated.emit(combo.currentIndex())


@pytest.mark.parametrize("method", list(METHODS), ids=METHODS.names)
def test_the_form_shows_the_settings_of_the_chosen_method_and_no_others(window, state, method):
    window.setup.advanced.setChecked(True)
    choose_method(window, method.name)
    assert state.recipe.pruning.method == method.name
    form = window.setup.form
    paths = {one.path for one in all_fields() if one.path.startswith("pruning.")}
    for path in paths - {"pruning.sparsity"}:
        is_its_own = path.partition(".")[2] in method.spec.__struct_fields__
        assert form.editor(path).isVisibleTo(form) == is_its_own, path


def test_settings_of_a_method_are_edited(window, state):
    choose_method(window, "han")
    window.setup.form.editor("pruning.rounds").setValue(7)
    quality = window.setup.form.editor("pruning.quality")
    quality.setText("0.5, 0.75 1")
    quality.editingFinished.emit()
    assert state.recipe.pruning == Han(rounds=7, quality=(0.5, 0.75, 1.0))
    assert state.recipe.num_epochs == state.recipe.training.epochs + 7 * 5


def test_a_method_that_finds_its_masks_while_training_says_that_this_is_a_preview(
    window, started, state, qtbot
):
    note = child(window, QLabel, "mask_note")
    assert not note.isVisible()
    choose_method(window, "han")
    started.controller.score()
    qtbot.waitUntil(lambda: not state.is_stale, timeout=WAIT_MS)
    assert note.isVisible()
    assert "Preview" in note.text()
    choose_method(window, "snip")
    assert not note.isVisible()


def test_a_training_shows_the_masks_that_it_has_found(window, started, state, qtbot):
    choose_method(window, "han")
    for path, value in (("pruning.retrain_epochs", 1), ("training.epochs", 1)):
        started.controller.set_field(path, value)
    started.controller.train()
    qtbot.waitUntil(lambda: state.training.phase == "finished", timeout=WAIT_MS)
    assert state.training.num_kept == 26_620
    assert state.training.summary.num_kept == 26_620
    texts = [notice.text for notice in state.notices.all]
    assert sum(text.startswith("Round") for text in texts) == 3


def test_no_row_is_wider_than_a_narrow_dock(started):
    area = started.window.setup.findChild(QScrollArea)
    started.controller.set_field("pruning.method", "grasp")
    assert area.widget().minimumSizeHint().width() <= started.window.setup.width()
    assert area.widget().width() == area.viewport().width()
