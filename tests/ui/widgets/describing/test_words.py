"""What pictures, images and charts show, in words."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg

from snip_gui.core.views.picture import BOTH, NEITHER, ONLY_A, Picture, to_indices
from snip_gui.ui.widgets.describing.words import EMPTY, chart_words, image_words, picture_words
from snip_gui.ui.widgets.pictures.picture_plot import PicturePlot
from snip_gui.ui.widgets.pictures.plots import LogAxis

TABLE = np.zeros((256, 3), np.uint8)


def picture_of(values, low=0.0, high=1.0, **more):
    return Picture(to_indices(np.array(values), low, high), low, high, "kept fraction", **more)


def test_the_brightest_pixel_is_named_with_its_value():
    values = np.zeros((28, 28))
    values[15, 13] = 0.18
    words = picture_words(picture_of(values))
    assert words == "kept fraction, 28 by 28: brightest at row 15, column 13, 18%"


def test_places_are_those_of_the_canvas():
    words = picture_words(picture_of([[0.0, 0.5]]), block=(4, 8), origin=(100, 2000))
    assert "row 100, column 2,008" in words


def test_logarithms_are_written_as_values():
    words = picture_words(picture_of([[-6.0, -3.0]], low=-6.0, high=-3.0, scale="log"))
    assert words.endswith("column 1, 0.001")


def test_signed_values_have_both_ends():
    words = picture_words(picture_of([[-1.0, 0.0, 1.0]], low=-1.0, is_share=False))
    assert "highest at row 0, column 2, 1; lowest at row 0, column 0, -1" in words


def test_kinds_are_counted():
    mask = Picture(np.array([[255, 1, 1]], np.uint8), 0, 1, "mask", palette="mask")
    assert picture_words(mask) == "mask, 1 by 3: 1 kept, 2 removed"
    index = np.array([[BOTH, BOTH, ONLY_A, NEITHER]], np.uint8)
    pair = Picture(index, 0, 1, "pins", palette="relation")
    assert picture_words(pair).endswith("2 both, 1 only A, 0 only B, 1 neither")


def test_nothing_is_called_empty():
    assert picture_words(None) == EMPTY
    assert picture_words(Picture(np.zeros((2, 2), np.uint8), 0, 1, "mask")) == EMPTY
    assert image_words(None) == EMPTY


def test_images_say_their_size_and_brightness():
    image = np.zeros((1, 4, 5), np.uint8)
    image[0, 3, 2] = 255
    assert image_words(image).startswith("grey, 4 by 5 pixels: brightest at row 3, column 2, 100%")
    assert image_words(np.zeros((3, 2, 2), np.uint8)).startswith("colour, 2 by 2")


def test_charts_say_their_curves(qtbot):
    view = pg.PlotWidget(axisItems={"left": LogAxis("left")})
    qtbot.addWidget(view)
    assert chart_words(view) == EMPTY
    view.setLabel("bottom", "epoch")
    view.plot([0, 1, 2], [0, -1, -2], name="test")
    view.plot([0], [np.nan], name="nothing")
    hidden = view.plot([0], [1], name="hidden")
    hidden.hide()
    assert chart_words(view) == ("test: 3 points, last 0.01 at epoch 2, lowest 0.01, highest 1")


def test_a_view_is_described_once_it_was_painted(qtbot):
    plot = PicturePlot("view", "View")
    qtbot.addWidget(plot)
    plot.resize(200, 200)
    plot.show()
    plot.show_picture(picture_of([[0.0, 0.5]]), TABLE)
    qtbot.waitUntil(lambda: "column 1, 50%" in plot.view.accessibleDescription())
    plot.show_picture(picture_of([[0.25, 0.0]]), TABLE)
    qtbot.waitUntil(lambda: "column 0, 25%" in plot.view.accessibleDescription())
    plot.clear()
    qtbot.waitUntil(lambda: plot.view.accessibleDescription() == EMPTY)
