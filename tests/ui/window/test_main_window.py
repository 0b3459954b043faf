"""The real window, used as a person uses it: clicks, keys, visible text."""

from __future__ import annotations

import json
import shlex

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QDialog,
    QFileDialog,
    QLabel,
    QLineEdit,
    QMessageBox,
    QPlainTextEdit,
    QPushButton,
    QTableWidget,
    QWidget,
)

from snip_gui.app import create_window
from snip_gui.cli.main import make_parser
from snip_gui.cli.options import recipe_from
from snip_gui.core.recipe.recipe import Draw, Picked
from snip_gui.core.views.arrangement import Arrangement
from snip_gui.session.state.values import Activity
from snip_gui.ui.dialogs.help.failure_dialog import FailureDialog

WAIT_MS = 60_000


def child(window, kind, name):
    found = window.findChild(kind, name)
    assert found is not None, name
    return found


def click(qtbot, widget):
    qtbot.mouseClick(widget, Qt.MouseButton.LeftButton)


@pytest.fixture
def window(started):
    return started.window


@pytest.fixture
def state(started):
    return started.controller.state


def idle(qtbot, application):
    qtbot.waitUntil(lambda: not application.host.is_busy(), timeout=WAIT_MS)


# First start


def test_the_first_start_shows_an_eight(window, state):
    """The kept fraction is high where eights have ink, low in the corners."""
    assert state.recipe.minibatch == Draw(classes=(8,), size=100)
    assert state.recipe.pruning.sparsity == 0.9
    fraction_HW = state.scored.input_fractions(state.num_kept)[0]
    mean_HW = state.images.train_images.read(state.minibatch.indices_K)[:, 0].mean(axis=0)
    ink, corner = mean_HW > 128, np.zeros((28, 28), bool)
    corner[:4, :4] = corner[-4:, -4:] = True
    assert fraction_HW[ink].mean() > 2 * fraction_HW[corner].mean()
    assert window.heatmap.plot.isVisible()
    assert child(window, QLabel, "layers_total").text().startswith("26,661 of 266,610 kept")


def test_before_torch_has_loaded_the_window_says_so(application):
    window = application.window
    assert child(window, QLabel, "stale_notice").text() == "Loading torch…"
    assert not window.actions_by_name["score"].isEnabled()
    assert "Score" in child(window, QLabel, "input_map_empty").text()


def test_the_window_stands_without_torch():
    import subprocess
    import sys

    code = (
        "import sys; from pathlib import Path; from PySide6.QtWidgets import QApplication;"
        "app = QApplication([]); from snip_gui.app import create_window; import tempfile;"
        "a = create_window(Path(tempfile.mkdtemp())); a.window.show(); app.processEvents();"
        "bad = {'torch', 'torchvision', 'safetensors'} & set(sys.modules);"
        "a.window.close(); assert not bad, bad"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


def test_every_interactive_widget_has_a_name_and_an_accessible_name(window):
    kinds = (
        QAbstractButton, QAbstractSpinBox, QAbstractSlider, QComboBox, QLineEdit, QPlainTextEdit,
        QAbstractItemView,
    )  # fmt: skip
    not_ours = {"QComboBoxPrivateContainer", "QComboBoxListView", "QHeaderView",
                "QTableCornerButton", "QDockWidgetTitleButton", "QScrollBar",
                "QLineEditIconButton"}  # fmt: skip
    missing = []
    for widget in window.findChildren(QWidget):
        line = {p.metaObject().className() for p in (widget, *ancestors(widget))}
        inner = isinstance(widget.parent(), QAbstractSpinBox | QComboBox)
        if inner or not isinstance(widget, kinds) or line & not_ours:
            continue
        name = widget.objectName()
        if name.startswith(("qt_", "Scroll")):  # Qt's own
            continue
        named = name == name.lower() and name.replace("_", "").replace("-", "").isalnum()
        if not (named and (widget.accessibleName() or getattr(widget, "text", str)())):
            missing.append((widget.metaObject().className(), name, widget.accessibleName()))
    assert not missing


def ancestors(widget):
    while (widget := widget.parent()) is not None:
        yield widget


def test_everything_fits_a_small_window(window, qtbot):
    window.resize(1024, 700)
    window.actions_by_name["reset_layout"].trigger()
    qtbot.waitUntil(lambda: window.width() == 1024 and window.height() == 700, timeout=WAIT_MS)
    for name, dock in window.docks.items():
        assert dock.width() >= dock.minimumSizeHint().width(), name
        assert dock.geometry().right() <= 1024, name
    for control in (window.heatmap.control.percent, window.heatmap.control.kept):
        assert control.width() >= control.minimumSizeHint().width()


# Sparsity


def test_arrow_keys_move_the_slider_and_everything_follows(window, state, qtbot):
    slider = window.heatmap.control.slider
    slider.setFocus()
    before = window.layers.model.rows
    for _ in range(20):
        qtbot.keyClick(slider, Qt.Key.Key_Right)
    assert state.recipe.pruning.sparsity > 0.9
    assert window.heatmap.control.kept.value() == state.num_kept < 26_661
    assert window.layers.model.rows[0].kept < before[0].kept
    assert sum(row.kept for row in window.layers.model.rows) == state.num_kept


def test_exact_sparsity_is_typed(window, state, qtbot):
    percent = window.heatmap.control.percent
    percent.selectAll()
    qtbot.keyClicks(percent, "98")
    qtbot.keyClick(percent, Qt.Key.Key_Return)
    assert state.num_kept == 5_332
    assert window.heatmap.control.kept.value() == 5_332


def test_exact_number_kept_is_typed(window, state, qtbot):
    kept = window.heatmap.control.kept
    kept.selectAll()
    qtbot.keyClicks(kept, "1000")
    qtbot.keyClick(kept, Qt.Key.Key_Return)
    assert state.num_kept == 1_000
    assert window.heatmap.control.percent.value() == pytest.approx(99.6249, abs=1e-4)


def test_the_slider_is_not_moved_by_what_follows_it(window, qtbot):
    slider = window.heatmap.control.slider
    for position in (137, 1000, 1234, 1999):
        slider.setValue(position)
        assert slider.value() == position


def test_dragging_the_threshold_sets_the_sparsity(window, state):
    line = window.sensitivity.line
    line.setValue(line.value() + 0.5)
    line.sigDragged.emit(line)
    asked = 10 ** line.value()
    assert state.num_kept == int((state.scored.ranking.score_M >= asked).sum())


def test_an_emptied_network_is_warned_of(window, started, qtbot):
    warning = child(window, QLabel, "layers_warning")
    assert not warning.isVisible()
    started.controller.set_num_kept(30)
    qtbot.waitUntil(warning.isVisible, timeout=WAIT_MS)
    assert "reached" in warning.text() or "No weight" in warning.text()


def test_index_order_is_warned_of(window, started, qtbot):
    warning = child(window, QLabel, "sensitivity_warning")
    assert not warning.isVisible()
    started.controller.set_sparsity(0.01)
    qtbot.waitUntil(warning.isVisible, timeout=WAIT_MS)
    assert "ties are broken by index" in warning.text()


# Heatmap


def wait_for_shape(qtbot, plot, shape):
    """Wait for a picture that is drawn as soon as its place in the window is known."""
    drawn = plot.image_item
    qtbot.waitUntil(lambda: drawn.image is not None and drawn.image.shape == shape, timeout=WAIT_MS)


def test_the_weights_of_a_layer_follow_a_click_in_the_table(window, state, qtbot):
    table = window.layers.table
    where = table.visualRect(window.layers.model.index(1, 0)).center()
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=where)
    assert window.heatmap.show_weights.isChecked()
    assert window.heatmap.weights.layer.currentText() == "fc2"
    wait_for_shape(qtbot, window.heatmap.plot, (100, 300))
    shown = window.heatmap.plot.image_item.image
    kept = state.scored.ranking.get_mask(state.scored.layout["fc2.weight"], state.num_kept)
    np.testing.assert_array_equal(shown == 255, kept)
    assert window.layers.table.currentIndex().row() == 1


def test_hovering_reads_a_connection_out(window, state, qtbot):
    window.heatmap.select_layer("fc3")
    wait_for_shape(qtbot, window.heatmap.plot, (10, 100))
    window.heatmap.plot.hovered.emit(4, 17)
    text = child(window, QLabel, "heatmap_readout").text()
    index = state.scored.layout["fc3.weight"].offset + 4 * 100 + 17
    assert "fc3.weight[4, 17]" in text
    assert f"rank {state.scored.ranking.rank_M[index] + 1:,}" in text
    assert f"{state.scored.weight_M[index]:+.4f}" in text


def test_the_scale_of_the_input_map(window):
    heatmap = window.heatmap
    assert heatmap.plot.image_item.image.max() == 255
    heatmap.map.scale.setCurrentIndex(heatmap.map.scale.findData("unit"))
    assert heatmap.plot.image_item.image.max() < 255


def test_convolutions_show_their_kernels_and_positions(window, started, state, qtbot):
    started.controller.set_field("model.name", "lenet-5-caffe")
    started.controller.score()
    qtbot.waitUntil(lambda: not state.is_stale, timeout=WAIT_MS)
    assert window.heatmap.plot.image_item.image.shape == (28, 28)
    window.heatmap.select_layer("conv2")
    wait_for_shape(
        qtbot, window.heatmap.plot, Arrangement(state.scored.layout["conv2.weight"]).size
    )
    picture = window.heatmap.plot.image_item.image
    assert (picture > 0).sum() == 50 * 20 * 25
    kept = state.scored.ranking.get_mask(state.scored.layout["conv2.weight"], state.num_kept)
    assert (picture == 255).sum() == kept.sum()


def test_excluding_the_mapped_layer_says_why_there_is_no_map(window, started, state, qtbot):
    window.findChild(QAction, "pruning_exclude_fc1").trigger()
    assert child(window, QAbstractButton, "pruning_exclude").text() == "fc1"
    assert state.recipe.pruning.exclude == ("fc1",)
    started.controller.score()
    qtbot.waitUntil(lambda: not state.is_stale, timeout=WAIT_MS)
    assert "fc1" in child(window, QLabel, "input_map_empty").text()
    assert window.heatmap.map.empty.isVisible()
    assert state.num_parameters == 31_110


# Setup and staleness


def test_a_change_asks_for_scoring_and_scoring_answers(window, state, qtbot):
    window.setup.advanced.setChecked(True)
    combo = child(window, QComboBox, "model_init")
    combo.setFocus()
    qtbot.keyClick(combo, Qt.Key.Key_Down)
    combo.activated.emit(combo.currentIndex())
    notice = child(window, QLabel, "stale_notice")
    assert state.recipe.model.init == "glorot"
    assert notice.text() == "Settings changed: press Score (F5)"
    assert window.heatmap.plot.image_item.opacity() < 1
    window.actions_by_name["score"].trigger()
    qtbot.waitUntil(lambda: not state.is_stale, timeout=WAIT_MS)
    # The job ends a moment after its scores are there, and the toolbar lays itself out after that.
    qtbot.waitUntil(lambda: not notice.isVisible(), timeout=WAIT_MS)
    assert window.heatmap.plot.image_item.opacity() == 1
    assert not window.actions_by_name["score"].isEnabled()


def test_a_missing_data_folder_is_reported_in_place(window, started, state, qtbot):
    started.controller.set_field("data.name", "mnist")
    banner = window.banner
    qtbot.waitUntil(banner.isVisible, timeout=WAIT_MS)
    assert "data folder" in banner.text()
    assert child(window, QAbstractButton, "data_folder").isVisible()
    window.actions_by_name["undo"].trigger()
    assert not banner.isVisible()
    assert state.can_score


def test_choosing_the_folder_by_the_button(window, started, state, qtbot, monkeypatch, tmp_path):
    started.controller.set_field("data.name", "mnist")
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_a: str(tmp_path))
    click(qtbot, child(window, QAbstractButton, "data_folder"))
    qtbot.waitUntil(
        lambda: state.status.problem is not None and "train-images" in state.status.problem.message,
        timeout=WAIT_MS,
    )
    assert state.preferences.data_place("mnist") == str(tmp_path)


def test_the_wheel_does_not_change_what_has_no_focus(window, state):
    from PySide6.QtCore import QPointF
    from PySide6.QtGui import QWheelEvent

    spin = child(window, QAbstractSpinBox, "seed")
    window.heatmap.control.slider.setFocus()
    event = QWheelEvent(
        QPointF(5, 5), QPointF(5, 5), QPoint(0, 0), QPoint(0, 120), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QGuiApplication.sendEvent(spin, event)
    assert state.recipe.seed == 0


# Minibatch


def test_picking_images_by_hand(window, state, qtbot):
    click(qtbot, window.minibatch.browse)
    assert window.centre.currentWidget() is window.images
    window.images.filter.setCurrentIndex(window.images.filter.findData(3))
    grid = window.images.grid
    labels = state.images.train_labels_N
    assert grid.model().rowCount() == int((labels[state.split.train_indices] == 3).sum())
    grid.select_rows(range(5))
    click(qtbot, window.images.add)
    assert isinstance(state.recipe.minibatch, Picked)
    assert len(state.minibatch.indices_K) == 105
    assert child(window, QLabel, "minibatch_summary").text() == "105 images picked from 2 classes"
    grid.select_rows(range(5))
    click(qtbot, window.images.only)
    assert labels[state.minibatch.indices_K].tolist() == [3] * 5
    grid.select_rows(range(2))
    click(qtbot, window.images.remove)
    assert len(state.minibatch.indices_K) == 3
    for _ in range(3):
        window.actions_by_name["undo"].trigger()
    assert state.recipe.minibatch == Draw(classes=(8,), size=100)


def test_delete_takes_images_out_of_the_tray(window, state, qtbot):
    tray = window.minibatch.tray
    tray.select_rows(range(4))
    gone = tray.selected_indices()
    tray.setFocus()
    window.activateWindow()
    qtbot.waitUntil(tray.hasFocus, timeout=WAIT_MS)
    qtbot.keyClick(tray, Qt.Key.Key_Delete)
    assert len(state.minibatch.indices_K) == 96
    assert not set(gone) & set(state.minibatch.indices_K)


def test_drawing_and_taking(window, state, qtbot):
    panel = window.minibatch
    panel.draw_size.setValue(30)
    panel.draw_class.setCurrentIndex(panel.draw_class.findData(5))
    click(qtbot, panel.draw_button)
    assert state.recipe.minibatch == Draw(classes=("5",), size=30)
    click(qtbot, panel.draw_button)
    assert state.recipe.minibatch == Draw(classes=("5",), size=30, seed=1)
    panel.per_class.setValue(3)
    click(qtbot, panel.take)
    assert len(state.minibatch.indices_K) == 30
    click(qtbot, panel.clear)
    assert child(window, QLabel, "minibatch_summary").text().startswith("The minibatch is empty")
    assert child(window, QLabel, "stale_notice").text() == "The minibatch is empty: add images"
    assert not window.actions_by_name["score"].isEnabled()
    assert not window.actions_by_name["train"].isEnabled()


def test_asking_for_too_many_images_is_reported_in_place(window, state, qtbot):
    panel = window.minibatch
    panel.draw_size.setValue(5000)
    click(qtbot, panel.draw_button)
    assert "5,000 images were requested" in child(window, QLabel, "minibatch_summary").text()
    window.actions_by_name["undo"].trigger()
    assert len(state.minibatch.indices_K) == 100


# Training


def test_training_draws_its_curves_and_holds_its_mask(window, started, state, qtbot):
    started.controller.set_field("training.epochs", 3)
    window.actions_by_name["train"].trigger()
    window.classes.second.click()
    qtbot.waitUntil(lambda: state.training.num_kept > 0, timeout=WAIT_MS)
    started.controller.set_sparsity(0.5)
    qtbot.waitUntil(lambda: state.training.phase == "finished", timeout=WAIT_MS)
    assert state.training.num_kept == 26_661
    loss, error = window.training.charts.curves["test"]
    assert loss.getData()[0].tolist() == [0, 1, 2, 3]
    assert error.getData()[1][-1] < 60
    status = child(window, QLabel, "training_status").text()
    assert status.startswith("Finished at 90% sparsity")


def test_the_badge_leads_back_to_what_is_trained(window, started, state, qtbot):
    started.controller.set_field("training.epochs", 100_000)
    window.actions_by_name["train"].trigger()
    window.classes.second.click()
    badge, back = window.heatmap.badge, window.heatmap.back
    qtbot.waitUntil(badge.isVisible, timeout=WAIT_MS)
    assert badge.text() == "training at 90%"
    assert not back.isVisible()
    started.controller.set_sparsity(0.3)
    assert back.isVisible()
    click(qtbot, back)
    assert state.num_kept == 26_661
    click(qtbot, child(window, QAbstractButton, "status_cancel"))
    qtbot.waitUntil(lambda: state.training.phase == "stopped", timeout=WAIT_MS)
    assert not badge.isVisible()
    assert window.actions_by_name["resume"].isVisible()
    assert not window.actions_by_name["stop"].isVisible()


def test_closing_while_training_asks_once_and_keeps_the_run(
    window, started, state, qtbot, monkeypatch
):
    started.controller.set_field("training.epochs", 100_000)
    window.actions_by_name["train"].trigger()
    window.classes.second.click()
    qtbot.waitUntil(lambda: len(state.training.points) > 2, timeout=WAIT_MS)
    asked = []

    def answer(*_arguments):
        asked.append(True)
        return answers.pop()

    buttons = QMessageBox.StandardButton
    answers = [buttons.Close, buttons.Cancel]
    monkeypatch.setattr(QMessageBox, "question", answer)
    window.close()
    assert window.isVisible()
    assert state.training.is_active
    window.close()
    assert not window.isVisible()
    assert len(asked) == 2
    folder = state.training.folder
    assert json.loads((folder / "summary.json").read_text())["state"] == "stopped"
    assert (folder / "checkpoint.safetensors").exists()


# Export, commands, dialogs


def test_export_from_the_menu(window, started, qtbot, monkeypatch, tmp_path):
    import torch

    path = tmp_path / "pruned.pt"
    started.controller.prefer(export_folder=str(tmp_path))
    window.actions_by_name["export"].trigger()
    dialog = child(window, QDialog, "export_dialog")
    exporter = started.controller.exporter
    qtbot.waitUntil(lambda: exporter.folder is not None, timeout=WAIT_MS)
    child(dialog, QLineEdit, "export_name").setText("pruned")
    table = child(dialog, QTableWidget, "export_table")
    ticks = {"safetensors": Qt.CheckState.Unchecked, "PyTorch state_dict": Qt.CheckState.Checked}
    for title, tick in ticks.items():
        table.findItems(title, Qt.MatchFlag.MatchExactly)[0].setCheckState(tick)
    with qtbot.waitSignal(exporter.exported, timeout=WAIT_MS):
        child(dialog, QPushButton, "start_export").click()
    qtbot.waitUntil(lambda: not exporter.is_exporting, timeout=WAIT_MS)
    dialog.reject()
    state_dict = torch.load(path, weights_only=True)
    assert sum(int((v != 0).sum()) for v in state_dict.values()) == 26_661
    assert "Exported pruned.pt" in child(window, QLabel, "status_text").text()
    idle(qtbot, started)


def test_copy_as_python_gives_lines_that_run(window, started):
    window.actions_by_name["copy_python"].trigger()
    code = QGuiApplication.clipboard().text()
    space: dict = {}
    exec(code, space)
    kept = sum(int(mask.sum()) for mask in space["masks"].values())
    assert kept == started.controller.state.num_kept


def test_copy_as_command_gives_the_same_recipe(window, started, state):
    started.controller.set_sparsity(0.975)
    started.controller.set_field("training.weight_decay", 0.001)
    window.actions_by_name["copy_command"].trigger()
    words = shlex.split(QGuiApplication.clipboard().text())
    assert words[:2] == ["snip-gui", "run"]
    assert recipe_from(make_parser().parse_args(words[1:])) == state.recipe


def test_copy_as_command_saves_a_picked_minibatch(
    window, started, state, qtbot, monkeypatch, tmp_path
):
    path = tmp_path / "mine.json"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_a: (str(path), ""))
    started.controller.minibatch.take_per_class(2)
    window.actions_by_name["copy_command"].trigger()
    qtbot.waitUntil(lambda: not started.host.is_busy(), timeout=WAIT_MS)
    words = shlex.split(QGuiApplication.clipboard().text())
    assert recipe_from(make_parser().parse_args(words[1:])) == state.recipe


def test_a_crash_opens_a_dialog_with_details_and_the_window_stays_usable(
    window, started, state, qtbot, monkeypatch
):
    import snip_gui.core.methods.scoring

    def broken(*_args, **_keywords):
        raise ZeroDivisionError("as asked")

    monkeypatch.setattr(snip_gui.core.methods.scoring, "build_steps", broken)
    started.controller.set_field("seed", 4)
    window.actions_by_name["score"].trigger()
    qtbot.waitUntil(lambda: window.findChild(FailureDialog) is not None, timeout=WAIT_MS)
    dialog = window.findChild(FailureDialog)
    assert (
        "ZeroDivisionError: as asked"
        in child(dialog, QPlainTextEdit, "failure_details").toPlainText()
    )
    click(qtbot, child(dialog, QAbstractButton, "copy_details"))
    assert "Traceback" in QGuiApplication.clipboard().text()
    dialog.reject()
    monkeypatch.undo()
    window.actions_by_name["score"].trigger()
    qtbot.waitUntil(lambda: not state.is_stale, timeout=WAIT_MS)


def test_about_cites_the_paper_and_copies_diagnostics(window, qtbot):
    window.actions_by_name["about"].trigger()
    dialog = window.findChild(QWidget, "about_dialog")
    assert "lee2019snip" in child(dialog, QPlainTextEdit, "about_bibtex").toPlainText()
    click(qtbot, dialog.findChild(QAbstractButton, "copy_diagnostics"))
    text = QGuiApplication.clipboard().text()
    assert "torch:" in text
    assert "PySide6:" in text
    dialog.reject()


def test_the_log_says_what_happened(window):
    text = child(window, QPlainTextEdit, "log_text").toPlainText()
    assert "torch" in text
    assert "Scored 100 images with LeNet-300-100" in text


def test_themes_change_everything_and_are_remembered(window, started, state):
    backgrounds = []
    for name in ("light", "dark"):
        window.findChild(object, f"action_theme_{name}").trigger()
        backgrounds.append(window.palette().window().color().lightness())
        assert state.preferences.theme == name
    assert backgrounds[0] > 200 > 60 > backgrounds[1]


# The next start


def test_the_last_session_is_back_at_the_next_start(started, qtbot, tmp_path):
    started.controller.set_sparsity(0.42)
    started.controller.set_field("training.epochs", 7)
    started.window.docks["layers"].hide()
    started.window.close()
    again = create_window(tmp_path / "config")
    try:
        again.window.show()
        recipe = again.controller.state.recipe
        assert recipe.pruning.sparsity == pytest.approx(0.42)
        assert recipe.training.epochs == 7
        assert not again.window.docks["layers"].isVisible()
        again.window.resize(1440, 900)
        again.window.actions_by_name["reset_layout"].trigger()
        assert not again.window.docks["layers"].isHidden()
    finally:
        again.window.close()
        again.window.deleteLater()


def test_a_damaged_session_starts_over_and_says_so(qtbot, qapp, tmp_path):
    config = tmp_path / "config"
    config.mkdir()
    (config / "session.json").write_text('{"model": {"nam": 1}}')
    (config / "preferences.json").write_text("{")
    application = create_window(config)
    try:
        said = " ".join(notice.text for notice in application.controller.state.notices.all)
        assert "model.nam" in said
        assert "preferences" in said
        assert application.controller.state.recipe.minibatch == Draw(classes=(8,), size=100)
    finally:
        application.window.close()
        application.host.shutdown()
        application.window.deleteLater()


def test_a_class_that_other_data_lacks_can_be_drawn_again_at_once(window, state, started, qtbot):
    started.controller.minibatch.draw(5, (12,))  # as after a change of the data set
    assert "no class “#12”" in child(window, QLabel, "minibatch_summary").text()
    assert child(window, QComboBox, "draw_class").currentText() == "all classes"
    click(qtbot, child(window, QAbstractButton, "draw_button"))
    assert state.minibatch.problem is None
    assert len(state.minibatch.indices_K) == 5


def test_nothing_moves_when_work_begins_and_ends(window, state, qapp):
    qapp.processEvents()
    before = window.statusBar().height(), window.centre.height()
    state.status.set_activity(Activity("score", "Scoring", 1, 2))
    qapp.processEvents()
    assert child(window, QPushButton, "status_cancel").isVisible()
    assert (window.statusBar().height(), window.centre.height()) == before
    state.status.set_activity(None)
