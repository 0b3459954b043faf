"""Connections are kept and removed by menu, brush and rectangle; each edit can be taken back."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu

from snip_gui.core.pruning.edits.resolving import KEPT, REMOVED
from snip_gui.core.recipe.edits import parse_edit
from tests.qt_fixtures import WAIT_MS

# Menus and dialogs are raised, which the offscreen platform cannot do.
pytestmark = pytest.mark.qt_log_ignore("This plugin does not support (raise|grabbing)", extend=True)


@pytest.fixture
def heatmap(started):
    return started.window.heatmap


@pytest.fixture
def masks(started):
    return started.controller.masks


@pytest.fixture
def weights(heatmap, qtbot):
    heatmap.select_layer("fc1")
    qtbot.waitUntil(lambda: heatmap.weights.plot.picture is not None, timeout=WAIT_MS)
    return heatmap.weights


def on_screen(plot, row, column):
    """The point of the view's viewport over the middle of a position of the canvas."""
    point = plot.view_box.mapViewToScene(QPointF(column + 0.5, row + 0.5))
    return plot.view.mapFromScene(point)


def drag(plot, start, end):
    """A drag with the left button, in a few moves, as by hand."""
    viewport = plot.view.viewport()
    first, last = on_screen(plot, *start), on_screen(plot, *end)
    left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
    # Moves of QTest carry no pressed button.
    for kind, point, button, buttons in (
        (QEvent.Type.MouseButtonPress, first, left, left),
        *((QEvent.Type.MouseMove, first + (last - first) * n / 5, none, left) for n in range(1, 6)),
        (QEvent.Type.MouseButtonRelease, last, left, none),
    ):
        place = QPointF(point)
        on_desk = QPointF(viewport.mapToGlobal(point))
        modifiers = Qt.KeyboardModifier.NoModifier
        event = QMouseEvent(kind, place, on_desk, button, buttons, modifiers)
        QApplication.sendEvent(viewport, event)


def entries(window, title):
    """The menu's entries that keep or remove something, by text."""
    menu = window.findChild(QMenu, "edit_menu")
    return menu, {a.text(): a for a in menu.actions() if a.text().startswith(f"{title} ")}


def choose(window, text):
    menu, found = entries(window, text.split()[0])
    found[text].trigger()
    menu.close()


def mask(started, name="fc1.weight"):
    state = started.controller.state
    return state.scored.masks.get_mask(state.scored.layout[name], state.num_kept)


@pytest.mark.parametrize(
    ("text", "edit"),
    [
        ("Remove connection [7, 400]", "remove fc1.weight[7, 400]"),
        ("Keep unit 7, with its bias", "keep units fc1[7]"),
        ("Remove input 400, to all units", "remove fc1.weight[0:300, 400]"),
        ("Keep pixel at row 14, column 8", "keep pixels [14, 8]"),
        ("Remove all 235,200 weights of fc1", "remove fc1.weight"),
    ],
)
def test_the_menu_of_a_connection_edits_what_it_says(started, weights, masks, text, edit):
    weights.plot.menu_asked.emit(7, 400, QPoint(10, 10))
    choose(started.window, text)
    assert [str(one) for one in masks.edits] == [edit]


def test_a_right_click_opens_the_menu(started, heatmap, qtbot):
    plot = heatmap.map.plot
    point = on_screen(plot, 10, 12)
    QTest.mouseClick(plot.view.viewport(), Qt.MouseButton.RightButton, pos=point)
    choose(started.window, "Remove pixel at row 10, column 12")
    by_pixel = mask(started).reshape(300, 28, 28)
    assert not by_pixel[:, 10, 12].any()
    assert plot.edit_item.isVisible()
    assert plot.edit_item.image[10, 12] == REMOVED
    assert np.count_nonzero(plot.edit_item.image) == 1


def test_a_brush_paints_pixels_and_undo_takes_them_back(started, heatmap, masks):
    before = started.controller.state.recipe
    plot = heatmap.map.plot
    heatmap.tools.choose("remove_brush")
    drag(plot, (14, 6), (14, 20))
    assert len(masks.edits) == 1
    state_HW = plot.edit_item.image
    assert (state_HW[14, 6:21] == REMOVED).all()
    assert not state_HW[:10].any()
    assert not state_HW[18:].any()
    by_pixel = mask(started).reshape(300, 28, 28)
    assert not by_pixel[:, 14, 6:21].any()
    assert sum(row.kept for row in started.controller.state.layer_rows()) == 26_661
    started.controller.undo()
    assert started.controller.state.recipe == before
    assert not plot.edit_item.isVisible()


def test_a_rectangle_of_the_matrix_is_one_box(started, heatmap, weights, masks):
    heatmap.tools.choose("keep_rectangle")
    drag(weights.plot, (50, 200), (99, 299))
    (edit,) = masks.edits
    ((rows, columns),) = edit.boxes
    # A pixel on the screen may be more than one connection.
    assert rows == pytest.approx((50, 100), abs=2)
    assert columns == pytest.approx((200, 300), abs=2)
    assert mask(started)[slice(*rows), slice(*columns)].all()
    assert (weights.edited_HW()[slice(*rows), slice(*columns)] == KEPT).all()


def test_without_a_tool_a_drag_moves_the_picture(heatmap, masks):
    plot = heatmap.map.plot
    drag(plot, (10, 10), (10, 20))
    assert not masks.edits
    before = plot.view_box.viewRect()
    heatmap.tools.choose("keep_brush")
    drag(plot, (10, 10), (10, 14))
    assert plot.view_box.viewRect() == before
    heatmap.tools.choose("select")
    drag(plot, (12, 12), (12, 22))
    assert plot.view_box.viewRect() != before
    assert len(masks.edits) == 1


def test_the_list_takes_back_any_edit(started, heatmap, masks, qtbot):
    heatmap.tools.choose("dead_pixels")
    heatmap.map.plot.menu_asked.emit(10, 12, QPoint(10, 10))
    choose(started.window, "Remove pixel at row 10, column 12")
    assert heatmap.tools.text() == "Edit mask (2)"
    heatmap.tools.show_list()
    dialog = heatmap.tools.findChild(object, "edits_dialog")
    assert [dialog.list.item(n).text() for n in range(2)] == [
        "remove dead pixels",
        "remove pixels [10, 12]",
    ]
    dialog.list.setCurrentRow(0)
    qtbot.mouseClick(dialog.one, Qt.MouseButton.LeftButton)
    assert [str(edit) for edit in masks.edits] == ["remove pixels [10, 12]"]
    started.controller.undo()
    assert dialog.list.count() == 2
    qtbot.mouseClick(dialog.all, Qt.MouseButton.LeftButton)
    assert masks.edits == ()
    assert not dialog.all.isEnabled()
    dialog.close()


def test_the_legend_explains_the_colours_while_there_are_edits(started, heatmap, masks):
    bar = heatmap.map.plot.colour_bar
    assert not bar._edit_colours
    heatmap.tools.choose("dead_pixels")
    colours = [colour.name() for colour in bar._edit_colours]
    theme = heatmap.map.themes.colours
    assert colours == [theme.edit_kept, theme.edit_removed]
    masks.clear()
    assert not bar._edit_colours


def test_a_layer_of_the_table_is_kept_as_a_whole(started, masks):
    table = started.window.layers.table
    row = next(n for n, r in enumerate(started.window.layers.model.rows) if r.layer == "fc3")
    place = table.visualRect(table.model().index(row, 0)).center()
    table.customContextMenuRequested.emit(place)
    choose(started.window, "Keep all 1,000 weights of fc3")
    assert mask(started, "fc3.weight").all()


def test_edits_that_do_not_hold_are_refused_by_train_with_a_button_that_helps(
    started, masks, qtbot
):
    controller = started.controller
    masks.add(parse_edit("keep fc2.weight[0:50]"))
    controller.set_num_kept(14_999)
    controller.train()
    qtbot.waitUntil(lambda: controller.state.status.problem is not None, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: not controller.is_busy(), timeout=WAIT_MS)
    banner = started.window.banner
    assert "15,000" in controller.state.status.problem.message
    assert "14,999" in controller.state.status.problem.message
    banner.action_asked.emit()
    assert masks.edits == ()


def test_a_stale_mask_cannot_be_edited(started, heatmap, masks):
    started.controller.set_field("seed", 7)
    heatmap.map.plot.menu_asked.emit(10, 12, QPoint(10, 10))
    menu, found = entries(started.window, "Keep")
    assert not found
    assert "older settings" in menu.actions()[0].text()
    menu.close()
