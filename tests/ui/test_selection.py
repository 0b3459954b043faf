"""One selection, shown everywhere."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtWidgets import QApplication, QLabel

from snip_gui.core.pruning.input_map import pixel_fractions
from snip_gui.session.state.selection import Selection
from tests.qt_fixtures import *  # noqa: F403 - fixtures are found by name
from tests.qt_fixtures import WAIT_MS


@pytest.fixture
def window(started):
    return started.window


@pytest.fixture
def state(started):
    return started.controller.state


def readout(window):
    return window.findChild(QLabel, "heatmap_readout").text()


def click(qtbot, plot, row, column):
    """Click the middle of a canvas pixel."""
    qtbot.waitUntil(lambda: plot.isVisible() and plot.width() > 100, timeout=WAIT_MS)
    # Near enough that a canvas pixel is larger than one of the screen.
    plot.view_box.setRange(QRectF(column - 4, row - 4, 9, 9), padding=0)
    QApplication.processEvents()
    scene = plot.view_box.mapViewToScene(QPointF(column + 0.5, row + 0.5))
    where = plot.view.mapFromScene(scene)
    qtbot.mouseClick(plot.view.viewport(), Qt.MouseButton.LeftButton, pos=where)


def wait_for_shape(qtbot, plot, shape):
    """Wait for a picture that is drawn as soon as its place in the window is known."""
    drawn = plot.image_item
    qtbot.waitUntil(lambda: drawn.image is not None and drawn.image.shape == shape, timeout=WAIT_MS)


def marks(plot):
    """Row, column, height and width of every frame that is drawn."""
    rects = [item.rect() for item in plot._marks]
    return [tuple(map(round, (r.top(), r.left(), r.height(), r.width()))) for r in rects]


def test_the_first_layer_is_selected_from_the_start(window, state):
    assert state.selection == Selection("fc1.weight")
    assert window.layers.table.currentIndex().row() == 0
    assert window.heatmap.weights.layer.currentText() == "fc1"


def test_a_pixel_of_the_map_is_a_column_of_the_weights(window, state, qtbot):
    window.heatmap.show_both.click()
    click(qtbot, window.heatmap.map.plot, 14, 10)
    source = 14 * 28 + 10
    assert state.selection == Selection("fc1.weight", source=source, pixel=(14, 10))
    assert marks(window.heatmap.map.plot) == [(14, 10, 1, 1)]
    assert marks(window.heatmap.weights.plot) == [(0, source, 300, 1)]
    kept = state.scored.ranking.get_mask(state.scored.layout["fc1.weight"], state.num_kept)
    assert f"{kept[:, source].sum()} of 300 connections kept" in readout(window)
    assert "Esc" in readout(window)


def test_a_connection_of_the_weights_is_a_unit_and_a_pixel_of_the_map(window, state, qtbot):
    window.heatmap.show_both.click()
    click(qtbot, window.heatmap.weights.plot, 7, 15 * 28 + 12)
    assert state.selection == Selection("fc1.weight", 7, 15 * 28 + 12)
    assert window.heatmap.map.unit.value() == 7
    assert marks(window.heatmap.map.plot) == [(15, 12, 1, 1)]
    kept = state.scored.ranking.get_mask(state.scored.layout["fc1.weight"], state.num_kept)
    expected = pixel_fractions(kept[7:8], (1, 28, 28))[0] > 0
    np.testing.assert_array_equal(window.heatmap.map.plot.picture.index_HW > 1, expected)
    score = state.scored.ranking.get_scores(state.scored.layout["fc1.weight"])[7, 15 * 28 + 12]
    assert window.sensitivity._chosen.value() == pytest.approx(np.log10(score))


def test_escape_lets_go_of_all_but_the_layer(window, state, qtbot):
    window.controller.selector.select(Selection("fc2.weight", 3, 4))
    assert "fc2.weight[3, 4]" in readout(window)
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert state.selection == Selection("fc2.weight")
    assert marks(window.heatmap.weights.plot) == []
    assert "Esc" not in readout(window)


def test_the_unit_box_shows_the_map_of_one_unit(window, state):
    box = window.heatmap.map.unit
    assert box.text() == "all units"
    box.setValue(0)
    assert state.selection == Selection("fc1.weight", unit=0)
    kept = state.scored.ranking.get_mask(state.scored.layout["fc1.weight"], state.num_kept)
    assert (window.heatmap.map.plot.picture.index_HW == 255).sum() == kept[0].sum()
    assert f"{kept[0].sum()} of 784" in readout(window)
    box.setValue(-1)
    assert state.selection == Selection("fc1.weight")


def test_a_click_in_the_histogram_selects_the_nearest_connection(window, state, qtbot):
    view = window.sensitivity.plot.getPlotItem().getViewBox()
    (low, high), _ = view.viewRange()
    where = low + 0.7 * (high - low)
    place = window.sensitivity.plot.mapFromScene(view.mapViewToScene(QPointF(where, 0.5)))
    qtbot.mouseClick(
        window.sensitivity.plot.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(place)
    )
    position = state.selection.position
    assert position is not None
    tensor = state.scored.layout[state.selection.tensor]
    score = float(state.scored.ranking.get_scores(tensor)[position])
    nearest = np.abs(state.scored.ranking.score_M - 10**where).min()
    assert abs(score - 10**where) <= nearest + 0.1 * 10**where  # a pixel of the screen is coarse


def test_the_layers_own_histogram_adds_up(state):
    scored = state.scored
    counts = [scored.layer_counts(tensor) for tensor in scored.layout.tensors]
    np.testing.assert_array_equal(np.sum(counts, axis=0), scored.histogram.counts)
    tensor = scored.layout["fc3.weight"]
    assert scored.layer_counts(tensor).sum() == (scored.ranking.get_scores(tensor) > 0).sum()


def test_of_another_network_no_more_than_the_layer_stays_selected(window, state, started, qtbot):
    window.controller.selector.select(Selection("fc1.weight", 299, 783))
    started.controller.set_field("seed", 1)
    started.controller.score()
    qtbot.waitUntil(lambda: not state.is_stale, timeout=WAIT_MS)
    assert state.selection == Selection("fc1.weight", 299, 783)
    started.controller.set_field("model.name", "lenet-5-caffe")
    started.controller.score()
    qtbot.waitUntil(lambda: not state.is_stale, timeout=WAIT_MS)
    assert state.selection == Selection("fc1.weight")  # 500 x 800 there
    window.controller.selector.select(Selection("conv2.weight", 3, 4))
    started.controller.undo_stack.undo()
    qtbot.waitUntil(lambda: not state.is_stale, timeout=WAIT_MS)
    assert state.selection == Selection("fc1.weight")  # the first, as there is no such layer
    window.controller.selector.select(Selection("fc1.weight", 300, 0))
    assert state.selection == Selection("fc1.weight")


def test_units_with_the_most_kept_come_first(window, state, qtbot):
    page = window.heatmap.weights
    window.heatmap.select_layer("fc2")
    page.order.setCurrentIndex(page.order.findData("kept"))
    wait_for_shape(qtbot, page.plot, (100, 300))
    kept = page.plot.picture.index_HW == 255
    for axis in (0, 1):
        assert (np.diff(kept.sum(axis=axis)) <= 0).all()
    click(qtbot, page.plot, 0, 0)
    mask = state.scored.ranking.get_mask(state.scored.layout["fc2.weight"], state.num_kept)
    assert mask.sum(axis=1)[state.selection.unit] == mask.sum(axis=1).max()
    # After the slider has come to rest they are sorted again.
    started_with = page.canvas.arrangement.units
    window.controller.set_sparsity(0.99)
    qtbot.waitUntil(lambda: page.canvas is not None
                    and page.canvas.arrangement.units is not started_with)  # fmt: skip
    kept = page.plot.picture.index_HW == 255
    assert (np.diff(kept.sum(axis=1)) <= 0).all()


def test_convolutions_as_channels(window, state, started, qtbot):
    started.controller.set_field("model.name", "lenet-5-caffe")
    started.controller.score()
    qtbot.waitUntil(lambda: not state.is_stale, timeout=WAIT_MS)
    page = window.heatmap.weights
    window.heatmap.select_layer("conv2")
    assert page.style_box.isVisible()
    page.style_box.setCurrentIndex(page.style_box.findData("channels"))
    wait_for_shape(qtbot, page.plot, (50, 20))
    mask = state.scored.ranking.get_mask(state.scored.layout["conv2.weight"], state.num_kept)
    share = mask.mean(axis=(2, 3))
    values = page.plot.numbers()["fraction_kept"]
    np.testing.assert_allclose(values, share, atol=share.max() / 250)
    page.on_hovered(3 * 5 + 2, 4 * 5 + 1)
    assert f"{mask[3, 4].sum()} of 25 connections kept" in readout(window)
    click(qtbot, page.plot, 3 * 5 + 2, 4 * 5 + 1)
    assert state.selection == Selection("conv2.weight", 3, 4)
    window.heatmap.select_layer("fc1")
    assert not page.style_box.isVisible()


def test_the_mean_image_stands_beside_the_map_or_under_it(window, started, qtbot):
    page = window.heatmap.map
    assert not page.plot.companion_item.isVisible()
    mean = started.controller.pictures.mean_CHW[0]
    for where in ("beside", "under"):
        page.companion.setCurrentIndex(page.companion.findData(where))
        assert page.plot.companion_item.isVisible()
        np.testing.assert_array_equal(page.plot.companion_item.image, mean)
    page.companion.setCurrentIndex(0)
    assert not page.plot.companion_item.isVisible()


def test_the_flow_shows_every_layer_and_a_click_enters_it(window, state, qtbot):
    window.docks["flow"].raise_()
    view = window.lazy.flow.view
    qtbot.waitUntil(lambda: view.isVisible() and view.picture is not None, timeout=WAIT_MS)
    window.controller.set_sparsity(0.99)
    qtbot.waitUntil(lambda: view.picture.kept == state.num_kept, timeout=WAIT_MS)
    flow = view.picture
    assert [layer.layer for layer in flow.layers] == ["fc1", "fc2", "fc3"]
    assert flow.on_paths == sum(state.paths.num_on_paths().values()) < flow.kept
    assert flow.inputs.total == 784
    assert "effective" in window.findChild(QLabel, "flow_readout").text()
    across = round(view.width() * 0.5)
    qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=QPoint(across, view.height() // 2))
    assert state.selection == Selection("fc2.weight")
    assert window.heatmap.show_weights.isChecked()
    qtbot.keyClick(view, Qt.Key.Key_Right)
    qtbot.keyClick(view, Qt.Key.Key_Return)
    assert state.selection == Selection("fc3.weight")


def test_what_is_compared_follows_the_selection_and_selects(window, state, started, qtbot):
    started.controller.pins.pin_screen()
    window.actions_by_name["show_compare"].trigger()
    pair = window.comparing.page.content.pair
    qtbot.waitUntil(pair.plot.isVisible, timeout=WAIT_MS)
    assert pair.view.currentData() == "difference"  # the input map stays until a layer is chosen
    window.controller.selector.select(Selection("fc2.weight"))
    assert pair.view.currentData() == "difference"
    pair.view.setCurrentIndex(pair.view.findData("fc2.weight"))
    window.controller.selector.select(Selection("fc3.weight", 4, 17))
    assert pair.view.currentData() == "fc3.weight"
    assert marks(pair.plot) == [(4, 0, 1, 100), (0, 17, 10, 1), (4, 17, 1, 1)]
    click(qtbot, pair.plot, 2, 50)
    assert state.selection == Selection("fc3.weight", 2, 50)
    where = pair.table.visualRect(pair.table.model().index(0, 0)).center()
    qtbot.mouseClick(pair.table.viewport(), Qt.MouseButton.LeftButton, pos=where)
    assert state.selection == Selection("fc1.weight")


def test_the_table_of_the_network_selects_a_layer_and_shows_which_is(window, state, qtbot):
    window.views.show_network()
    table = window.lazy.network.table
    qtbot.waitUntil(lambda: table.model().rowCount() == 3, timeout=WAIT_MS)
    assert table.currentIndex().row() == 0
    where = table.visualRect(table.model().index(2, 0)).center()
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=where)
    assert state.selection == Selection("fc3.weight")
    window.controller.selector.select_layer("fc2")
    assert table.currentIndex().row() == 1


def test_both_pictures_are_whole_in_a_small_window(window, qtbot):
    window.resize(1024, 700)
    window.heatmap.show_both.click()
    plots = (window.heatmap.map.plot, window.heatmap.weights.plot)
    qtbot.waitUntil(lambda: all(plot.isVisible() and plot.picture for plot in plots))
    for plot in plots:
        qtbot.waitUntil(lambda plot=plot: plot.visible[:2] == (0, 0), timeout=WAIT_MS)
        # Nothing of it lies under its neighbour.
        assert plot.view.height() <= plot.parentWidget().height()
