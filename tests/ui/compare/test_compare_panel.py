"""Comparing in the real window: pins, pairs, images left out, other draws."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QComboBox, QLabel, QLineEdit, QPushButton

from snip_gui.core.comparing.comparison import compare
from snip_gui.session.comparing.pins import ON_SCREEN
from tests.qt_fixtures import WAIT_MS
from tests.ui.window import test_main_window as test_window


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


@pytest.fixture
def pins(started):
    return started.controller.pins


@pytest.fixture
def panel(window):
    window.actions_by_name["show_compare"].trigger()
    assert window.comparing.page.content.isVisible()
    return window.comparing.page.content


def score(qtbot, started):
    started.controller.score()
    qtbot.waitUntil(lambda: not started.controller.state.is_stale, timeout=WAIT_MS)


def test_without_pins_the_panel_says_what_to_do(panel, window):
    empty = child(window, QLabel, "compare_empty")
    assert empty.isVisible()
    assert "Ctrl+D" in empty.text()


def test_before_anything_is_scored_there_is_nothing_to_pin(application):
    window = application.window
    window.actions_by_name["show_compare"].trigger()
    assert not window.actions_by_name["pin"].isEnabled()
    assert not child(window, QPushButton, "pin_button").isEnabled()
    assert "Press Score" in child(window, QLabel, "compare_empty").text()


def test_pin_move_the_slider_and_see_what_went(panel, window, state, pins, qtbot):
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow, timeout=WAIT_MS)
    qtbot.keyClick(window, Qt.Key.Key_D, Qt.KeyboardModifier.ControlModifier)
    assert panel.list.pins.rowCount() == 1
    assert "same 26,661" in child(window, QLabel, "compare_summary").text()
    panel.control.percent.selectAll()
    qtbot.keyClicks(panel.control.percent, "98")
    qtbot.keyClick(panel.control.percent, Qt.Key.Key_Return)
    assert state.num_kept == 5_332
    summary = child(window, QLabel, "compare_summary")
    qtbot.waitUntil(lambda: "5,332 kept by both" in summary.text(), timeout=WAIT_MS)
    name, whole = panel.pair.table.overlaps.rows[-1]
    assert (name, whole.both, whole.only_a, whole.only_b) == ("all", 5_332, 21_329, 0)
    assert panel.pair.plot.isVisible()


def test_what_was_pinned_before_the_panel_was_seen_is_listed(window, pins, qtbot):
    pins.pin_screen()
    window.actions_by_name["show_compare"].trigger()
    panel = window.comparing.page.content
    assert panel.list.pins.rowCount() == 1
    assert panel.list.pins.pin_image(pins.pins[0].number) is not None
    assert panel.pair.a.currentText() == "class 8, 90%"


def test_everything_in_the_panel_has_a_name(panel, window):
    test_window.test_every_interactive_widget_has_a_name_and_an_accessible_name(window)


def test_two_minibatches_side_by_side(panel, window, started, pins, qtbot):
    click(qtbot, child(window, QPushButton, "pin_button"))
    started.controller.minibatch.draw(100, (3,))
    score(qtbot, started)
    click(qtbot, child(window, QPushButton, "pin_button"))
    texts = [panel.list.pins.index(row).data() for row in range(2)]
    assert texts == ["1  class 8, 90%", "2  class 3, 90%"]
    box = child(window, QComboBox, "compare_b")
    assert box.findData(ON_SCREEN) >= 0
    box.setCurrentIndex(box.findText("class 8, 90%"))
    box.activated.emit(box.currentIndex())
    expected = compare(*(pins.get_mask(number) for number in pins.choice))
    for name, overlap in panel.pair.table.overlaps.rows[:-1]:
        assert overlap == expected.layers[name]
    assert not panel.control.isVisible()  # nothing follows the slider


def test_a_click_on_a_layer_shows_its_weights_in_four_colours(panel, window, started, pins, qtbot):
    pins.pin_screen()
    started.controller.minibatch.draw(100, (3,))
    score(qtbot, started)
    table = panel.pair.table
    place = table.visualRect(table.model().index(1, 0)).center()
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    view = child(window, QComboBox, "compare_view")
    assert view.currentText() == "Weights of fc2"
    index_HW = panel.pair.plot.image_item.image
    assert index_HW.shape == (100, 300)
    _, overlap = table.overlaps.rows[1]
    values, counts = np.unique(index_HW, return_counts=True)
    found = dict(zip(values.tolist(), counts.tolist(), strict=True))
    # The weights alone: biases are never kept, so all of what is kept is in the picture.
    assert found[85] == overlap.both
    assert (found[169], found[253]) == (overlap.only_a, overlap.only_b)
    panel.pair.plot.hovered.emit(*np.argwhere(index_HW == 169)[0].tolist())
    assert "kept only by A" in child(window, QLabel, "compare_readout").text()


def test_far_out_a_picture_pixel_is_a_block_and_close_in_a_connection(
    panel, window, pins, started, qtbot
):
    pins.pin_screen()
    started.controller.set_sparsity(0.98)
    window.resize(1024, 700)
    window.actions_by_name["reset_layout"].trigger()
    view, plot = child(window, QComboBox, "compare_view"), panel.pair.plot
    view.setCurrentIndex(view.findData("fc1.weight"))
    qtbot.waitUntil(lambda: plot.image_item.image.shape[1] <= 392, timeout=WAIT_MS)  # of 784 inputs
    tensor = pins.pins[0].mask.layout["fc1.weight"]
    mask = pins.get_mask(ON_SCREEN).scored.ranking.get_mask(tensor, 5_332)
    row, column = np.argwhere(mask)[0].tolist()
    plot.hovered.emit(row, column)
    readout = child(window, QLabel, "compare_readout")
    assert readout.text() == f"fc1.weight[{row}, {column}]: kept by both"
    plot.view_box.setRange(xRange=(0, 40), yRange=(0, 40))
    qtbot.waitUntil(lambda: plot.image_item.image.shape == (300, 784), timeout=WAIT_MS)


def test_every_picture_can_be_chosen(panel, window, pins, state, started, qtbot):
    pins.pin_screen()
    started.controller.set_sparsity(0.98)
    view = child(window, QComboBox, "compare_view")
    seen = []
    for number in range(view.count()):
        view.setCurrentIndex(number)
        seen.append(panel.pair.plot.image_item.image.copy())
        assert panel.pair.plot.isVisible()
    assert len(seen) == 6
    maps = [pins.get_mask(n).scored.input_fractions(k)[0] for n, k in ((1, 26_661), (0, 5_332))]
    assert np.corrcoef(seen[0].ravel(), (maps[0] - maps[1]).ravel())[0, 1] > 0.99
    assert np.corrcoef(seen[2].ravel(), maps[1].ravel())[0, 1] > 0.99


def test_pins_of_different_networks_are_refused_with_the_reason(panel, window, started, qtbot):
    panel.pin.click()
    started.controller.set_field("model.name", "lenet-5-caffe")
    score(qtbot, started)
    empty = child(window, QLabel, "compare_empty")
    assert empty.isVisible()
    assert "LeNet-300-100" in empty.text()
    assert "LeNet-5-Caffe" in empty.text()
    started.controller.undo_stack.undo()
    assert not empty.isVisible()


def test_many_pins_have_a_matrix_whose_cells_choose_a_pair(panel, pins, started, qtbot):
    for sparsity in (0.5, 0.75):
        started.controller.set_sparsity(sparsity)
        pins.pin_screen()
    matrix = panel.pair.matrix
    assert not matrix.isVisible()
    started.controller.set_sparsity(0.9)
    pins.pin_screen()
    assert matrix.isVisible()
    assert matrix.cell_text(1, 0) == "class 8, 75% and class 8, 50%: 50.0% overlap"
    where = matrix.cell_centre(2, 0).toPoint()
    qtbot.mouseClick(matrix, Qt.MouseButton.LeftButton, pos=where)
    numbers = [pin.number for pin in pins.pins]
    assert pins.choice == (numbers[2], numbers[0])
    matrix.setFocus()
    qtbot.keyClick(matrix, Qt.Key.Key_Right)
    qtbot.keyClick(matrix, Qt.Key.Key_Return)
    assert pins.choice == (numbers[2], numbers[1])


def test_a_pin_is_renamed_in_place_and_removed(panel, window, pins, started, qtbot):
    pins.pin_screen()
    listed = panel.list
    listed.setFocus()
    listed.setCurrentIndex(listed.pins.index(0))
    qtbot.keyClick(listed, Qt.Key.Key_F2)
    editor = listed.findChild(QLineEdit, "pin_name")
    editor.selectAll()
    qtbot.keyClicks(editor, "eights")
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: pins.pins[0].name == "eights", timeout=WAIT_MS)
    assert child(window, QComboBox, "compare_a").currentText() == "eights"
    click(qtbot, child(window, QPushButton, "unpin_button"))
    assert pins.pins == ()
    assert child(window, QLabel, "pins_memory").text() == "no pins"
    assert child(window, QLabel, "compare_empty").isVisible()


def test_nothing_is_compared_while_it_cannot_be_seen(panel, window, started, pins, monkeypatch):
    pins.pin_screen()
    window.actions_by_name["show_connections"].trigger()
    asked = []
    monkeypatch.setattr(type(panel.pair), "_show_numbers", lambda _self: asked.append(1))
    started.controller.set_sparsity(0.5)
    pins.pin_screen()
    assert not asked
    window.actions_by_name["show_compare"].trigger()
    assert asked


def test_asking_of_one_image_from_the_tray(window, state, pins, qtbot):
    tray = window.minibatch.tray
    action = window.actions_by_name["score_without"]
    assert action in tray.actions()
    place = tray.visualRect(tray.images.index(3)).center()
    qtbot.mouseClick(tray.viewport(), Qt.MouseButton.LeftButton, pos=place)
    number = int(state.minibatch.indices_K[3])
    action.trigger()
    qtbot.waitUntil(lambda: len(pins.pins) == 2, timeout=WAIT_MS)
    assert window.centre.currentWidget() is window.comparing.page
    assert child(window, QComboBox, "compare_a").currentText() == "all 100 images"
    assert (
        child(window, QComboBox, "compare_b").currentText()
        == f"without image #{number:,} (class 8)"
    )
    assert "mostly in fc1" in child(window, QLabel, "compare_summary").text()
    assert len(state.minibatch.indices_K) == 100


def test_asking_without_a_selection_says_what_to_select(panel, window, state, qtbot):
    window.minibatch.tray.clearSelection()
    click(qtbot, child(window, QPushButton, "without_button"))
    assert "selected" in state.status.problem.message


def test_stability_in_the_window(window, state, started, qtbot):
    window.actions_by_name["stability"].trigger()
    view = window.comparing.page.content.stability
    assert child(window, QLabel, "stability_empty").isVisible()
    view.number.setValue(3)
    run = child(window, QPushButton, "stability_run")
    assert run.text() == "Score at 90%"
    click(qtbot, run)
    assert child(window, QPushButton, "stability_stop").isVisible()
    questions = started.controller.questions
    qtbot.waitUntil(lambda: not questions.is_measuring, timeout=WAIT_MS)
    said = child(window, QLabel, "stability_summary").text()
    frequency = questions.stability.frequency
    assert said.startswith("3 masks at 90%, from other images. ")
    assert f"{frequency.num_in_all:,}" in said
    assert run.isVisible()
    row = [view.model.index(0, column).data() for column in range(4)]
    assert row[0] == "fc1"
    assert sum(int(text.replace(",", "")) for text in row[1:]) == 235_500
    box = child(window, QComboBox, "stability_view")
    for number in range(box.count()):
        box.setCurrentIndex(number)
        assert view.plot.isVisible()
    view.plot.hovered.emit(0, 0)
    assert "of 3 times" in child(window, QLabel, "stability_readout").text()


def test_a_measurement_of_many_draws_is_stopped_by_a_button(window, started, qtbot):
    window.actions_by_name["stability"].trigger()
    window.comparing.page.content.stability.number.setValue(1000)
    click(qtbot, child(window, QPushButton, "stability_run"))
    click(qtbot, child(window, QPushButton, "stability_stop"))
    qtbot.waitUntil(lambda: not started.controller.questions.is_measuring, timeout=WAIT_MS)
    assert child(window, QLabel, "stability_empty").isVisible()
    assert started.controller.state.status.problem is None


@pytest.mark.parametrize(("width", "height"), [(1024, 700), (1440, 900), (1920, 1080)])
def test_everything_fits(panel, window, pins, started, qtbot, width, height):
    for sparsity in (0.5, 0.75, 0.9):
        started.controller.set_sparsity(sparsity)
        pins.pin_screen()
    window.resize(width, height)
    window.actions_by_name["reset_layout"].trigger()
    qtbot.waitUntil(lambda: window.width() == width, timeout=WAIT_MS)
    for widget in (panel.list, panel.pair.a, panel.pair.b, panel.pair.plot, panel.pair.table):
        right = widget.mapTo(window, QPoint(widget.width(), 0)).x()
        assert right <= panel.mapTo(window, QPoint(panel.width(), 0)).x(), widget.objectName()
        assert widget.width() >= widget.minimumSizeHint().width(), widget.objectName()


@pytest.mark.parametrize(
    ("button", "name"), [("each_out_button", "leave-one-out"), ("over_seeds_button", "stability")]
)
def test_questions_over_many_masks_lead_to_their_study(panel, window, qtbot, button, name):
    qtbot.mouseClick(child(window, QPushButton, button), Qt.MouseButton.LeftButton)
    assert window.centre.currentWidget() is window.lazy.studies_page
    assert window.lazy.studies.study.currentData() == name
    assert window.lazy.studies.isVisible()
