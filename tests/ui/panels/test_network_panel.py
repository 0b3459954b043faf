"""The graph of the network beside its table."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication

from snip_gui.ui.panels.network.graph_view import strength

WAIT_MS = 60_000


@pytest.fixture
def wait(qtbot):
    return lambda condition: qtbot.waitUntil(lambda: bool(condition()), timeout=WAIT_MS)


@pytest.fixture
def panel(started, wait):
    started.window.views.show_network()
    panel = started.window.lazy.network
    wait(lambda: panel.graph.box_of("fc1") is not None)
    return panel


def click_box(qtbot, panel, layer, click=None):
    at = panel.graph.mapFromScene(panel.graph.box_of(layer))
    (click or qtbot.mouseClick)(panel.graph.viewport(), Qt.MouseButton.LeftButton, pos=at)


def test_a_click_on_a_box_selects_the_layer_everywhere(panel, started, qtbot):
    click_box(qtbot, panel, "fc2")
    assert started.controller.state.selection.tensor == "fc2.weight"
    assert panel.graph.selected == "fc2"
    assert panel.model.rows[panel.table.currentIndex().row()].layer.name == "fc2"


def test_a_double_click_shows_the_weights(panel, started, qtbot):
    click_box(qtbot, panel, "fc3", qtbot.mouseDClick)
    assert started.window.centre.currentWidget() is started.window.heatmap


def test_arrow_keys_go_through_the_layers(panel, started, qtbot):
    click_box(qtbot, panel, "fc1")
    qtbot.keyClick(panel.graph, Qt.Key.Key_Down)
    assert started.controller.state.selection.tensor == "fc2.weight"
    qtbot.keyClick(panel.graph, Qt.Key.Key_Up)
    assert started.controller.state.selection.tensor == "fc1.weight"


def test_wheel_and_keys_zoom(panel, qtbot):
    before = panel.graph.transform().m11()
    place = QPointF(panel.graph.viewport().rect().center())
    event = QWheelEvent(
        place, panel.graph.viewport().mapToGlobal(place), QPoint(), QPoint(0, 120),
        Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase,
        False,
    )  # fmt: skip
    QApplication.sendEvent(panel.graph.viewport(), event)
    assert panel.graph.transform().m11() > before
    panel.graph.setFocus()
    qtbot.keyClick(panel.graph, Qt.Key.Key_Minus)
    qtbot.keyClick(panel.graph, Qt.Key.Key_0)
    assert panel.graph.transform().m11() == pytest.approx(before)


def test_edges_get_thinner_as_less_is_kept(panel, started, wait):
    state = started.controller.state

    def widths():
        return [edge.pen().widthF() for edge in panel.graph._edges[:3]]

    started.controller.set_sparsity(0.0)
    wait(lambda: panel.graph.shares["fc1"][0] == panel.graph.shares["fc1"][1])
    dense = widths()
    started.controller.set_sparsity(0.99)
    wait(lambda: sum(kept for kept, _ in panel.graph.shares.values()) == state.num_kept)
    assert all(after < before for before, after in zip(dense, widths(), strict=True))


def test_the_strength_of_a_fraction_is_its_logarithm():
    assert [strength(f) for f in (0, 1e-6, 1e-3, 1)] == [0, 0, 0, 1]
    assert strength(0.1) == pytest.approx(2 / 3)


def test_a_network_with_branches_is_drawn_with_its_residual_edges(panel, started, wait):
    started.controller.set_field("model.name", "torchvision:resnet18")
    wait(lambda: panel.graph.box_of("layer1.0.conv1") is not None)
    graph = panel.graph._graph
    assert graph.is_traced
    assert sum(node.kind == "sum" for node in graph.nodes) == 8
    assert any(lane is not None for lane in graph.placed.lanes)
    levels = [level for _, level in graph.placed.centres]
    assert all(levels[start] < levels[end] for start, end in graph.edges)
