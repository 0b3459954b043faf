"""The picture is the largest thing in the window, and everything is reachable at any size."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QRect, Qt, QUrl
from PySide6.QtWidgets import QAbstractButton, QAbstractSpinBox, QComboBox, QToolButton, QWidget

WAIT_MS = 60_000


@pytest.fixture
def window(started):
    return started.window


def settle(qtbot, window, width, height):
    window.resize(width, height)
    qtbot.waitUntil(lambda: (window.width(), window.height()) == (width, height), timeout=WAIT_MS)
    qtbot.wait(1)


def test_the_picture_takes_half_of_the_window(window, qtbot):
    window.actions_by_name["reset_layout"].trigger()
    window.first_look.declined.emit()
    settle(qtbot, window, 1440, 900)
    plot = window.heatmap.map.plot
    assert plot.isVisible()
    assert plot.width() * plot.height() >= 0.5 * window.width() * window.height()


@pytest.mark.parametrize("size", [(1440, 900), (1024, 700), (940, 480)])
def test_no_control_in_sight_is_cut_or_covered_by_another(window, qtbot, size):
    window.actions_by_name["reset_layout"].trigger()
    settle(qtbot, window, *size)
    frame = window.rect()
    seen: list[tuple[str, QRect]] = []
    kinds = QAbstractButton, QAbstractSpinBox, QComboBox
    for widget in window.heatmap.findChildren(QWidget):
        if (
            not isinstance(widget, kinds)
            or not widget.isVisible()
            or widget is window.heatmap.next_step.score
        ):
            continue
        place = QRect(widget.mapTo(window, widget.rect().topLeft()), widget.size())
        assert frame.contains(place), (widget.objectName(), place)
        assert widget.width() >= widget.minimumSizeHint().width(), widget.objectName()
        for name, other in seen:
            assert not place.intersects(other), (widget.objectName(), name)
        seen.append((widget.objectName(), place))
    assert len(seen) > 5


def test_panels_below_are_folded_until_they_are_used(window, qtbot):
    assert all(window.docks[name].isHidden() for name in ("training", "flow", "log"))
    button = window.findChild(QToolButton, "open_log")
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert window.docks["log"].isVisible()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert window.docks["log"].isHidden()
    window.actions_by_name["train"].trigger()
    assert window.docks["training"].isVisible()


def test_one_key_folds_the_side_columns_and_brings_them_back(window):
    sides = [window.docks[name] for name in ("setup", "minibatch", "layers", "sensitivity")]
    window.actions_by_name["fold_sides"].trigger()
    assert all(dock.isHidden() for dock in sides)
    window.actions_by_name["fold_sides"].trigger()
    assert not any(dock.isHidden() for dock in sides)


# Offscreen windows have no order that a floating one could be raised in.
@pytest.mark.qt_log_ignore("This plugin does not support raise", extend=True)
def test_a_floating_panel_is_docked_by_reset_layout(window, qtbot):
    dock = window.docks["layers"]
    dock.setFloating(True)
    qtbot.waitUntil(dock.isFloating, timeout=WAIT_MS)
    window.actions_by_name["reset_layout"].trigger()
    assert not dock.isFloating()
    assert dock.isVisible()
    assert not dock.isWindow()


def test_clicking_a_class_draws_from_it(window, started, qtbot):
    state = started.controller.state
    for label in (3, 5):
        button = window.findChild(QToolButton, f"draw_class_{label}")
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
        labels_K = state.minibatch.source.labels[state.minibatch.indices_K]
        assert set(labels_K.tolist()) == {label}
    started.controller.minibatch.take_per_class(1)
    assert not button.isChecked()


def test_presentation_leaves_the_picture_and_its_slider(window, qtbot):
    window.actions_by_name["presentation"].trigger()
    heatmap = window.heatmap
    assert not any(dock.isVisible() for dock in window.docks.values())
    assert not window.menuBar().isVisible()
    assert not window.toolbar.isVisible()
    assert heatmap.map.plot.isVisible()
    assert heatmap.control.slider.isVisible()
    assert heatmap.control.percent.font().pointSize() > window.font().pointSize()
    window.actions_by_name["clear_selection"].trigger()
    assert window.menuBar().isVisible()
    assert window.toolbar.isVisible()
    assert window.docks["layers"].isVisible()
    assert window.docks["training"].isHidden()


def test_playing_moves_the_slider_to_its_end_in_one_undo_step(window, started):
    state, control = started.controller.state, window.heatmap.control
    before = state.recipe.pruning.sparsity
    control.play.click()
    for _ in range(2000):
        if not control.play.isChecked():
            break
        control.play.step()
    assert control.slider.value() == control.slider.maximum()
    assert state.num_kept == 1
    window.actions_by_name["undo"].trigger()
    assert state.recipe.pruning.sparsity == before


def test_the_manual_finds_words_and_follows_links(window, qtbot):
    window.actions_by_name["manual"].trigger()
    manual = window.centre.currentWidget()
    assert manual.list.count() > 10
    manual.search.setText("removal sparsity")
    shown = [row for row in range(manual.list.count()) if not manual.list.item(row).isHidden()]
    assert 0 < len(shown) < manual.list.count()
    assert manual.text.textCursor().selectedText().casefold() == "removal sparsity"
    manual.search.setText("F11")
    assert "Keyboard shortcuts" in [
        manual.list.item(row).text()
        for row in range(manual.list.count())
        if not manual.list.item(row).isHidden()
    ]
    manual.search.clear()
    manual.text.anchorClicked.emit(QUrl("glossary.md"))
    assert manual.text.toPlainText().startswith("Glossary")


@pytest.mark.parametrize("size", [(1440, 900), (940, 480)])
def test_the_strip_on_a_stale_picture_covers_no_control(window, started, qtbot, size):
    settle(qtbot, window, *size)
    started.controller.set_field("seed", 3)
    strip, plot = window.heatmap.next_step, window.heatmap.plot
    qtbot.waitUntil(strip.isVisible, timeout=WAIT_MS)

    def lies_on_the_picture():
        top_left = strip.mapTo(window, strip.rect().topLeft())
        over = QRect(plot.mapTo(window, plot.rect().topLeft()), plot.size())
        return over.contains(QRect(top_left, strip.size()))

    qtbot.waitUntil(lies_on_the_picture, timeout=WAIT_MS)
    qtbot.mouseClick(strip.score, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not started.controller.state.is_stale, timeout=WAIT_MS)
