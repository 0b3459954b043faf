"""Every view of the window says in words what it shows."""

from __future__ import annotations

import pyqtgraph as pg
import pytest
from PySide6.QtWidgets import QApplication, QWidget

from snip_gui.ui.widgets.figures.figure_view import FigureView
from snip_gui.ui.widgets.pictures.array_image import ArrayImage
from snip_gui.ui.widgets.pictures.class_bars import ClassBars
from snip_gui.ui.widgets.pictures.flow_view import FlowView
from snip_gui.ui.widgets.pictures.image_grid import ImageGrid
from snip_gui.ui.widgets.pictures.number_grid import NumberGrid
from snip_gui.ui.widgets.pictures.tile_view import TileView

WAIT_MS = 60_000
VIEWS = (
    pg.GraphicsView, ArrayImage, ClassBars, FigureView, FlowView, ImageGrid, NumberGrid, TileView,
)  # fmt: skip


def views_of(window):
    return [
        view
        for view in window.findChildren(QWidget)
        if isinstance(view, VIEWS) and view.isVisible()
    ]


def test_all_views_of_all_pages_are_described(started, qtbot):
    window = started.window
    controller = started.controller
    window.actions_by_name["pin"].trigger()
    controller.set_sparsity(0.98)
    window.actions_by_name["pin"].trigger()
    seen = {}
    pages = [
        (window.centre.setCurrentIndex, number) for number in range(window.centre.count())
    ] + [(lambda name: (window.docks[name].show(), window.docks[name].raise_()), name)
         for name in window.docks]  # fmt: skip
    for show, which in pages:
        show(which)
        QApplication.processEvents()
        qtbot.waitUntil(lambda: not started.host.is_busy(), timeout=WAIT_MS)
        views = views_of(window)
        qtbot.waitUntil(
            lambda views=views: all(v.accessibleDescription() for v in views), timeout=WAIT_MS
        )
        seen |= {type(view).__name__: view for view in views}
    assert {"GraphicsView", "ArrayImage", "ClassBars", "ImageGrid", "PlotWidget"} <= seen.keys()


def test_the_input_map_names_its_brightest_pixel(started, qtbot):
    window = started.window
    window.views.show_connections()
    view = window.findChild(QWidget, "input_map_view")
    if view is None:
        pytest.fail("the input map is not called input_map_view")
    qtbot.waitUntil(lambda: "brightest at row" in view.accessibleDescription(), timeout=WAIT_MS)
    assert "28 by 28" in view.accessibleDescription()
