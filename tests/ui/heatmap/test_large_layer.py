"""Layers of which no picture of every connection is made at once."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QRectF

from snip_gui.core.pruning import scored as core_scored
from snip_gui.core.recipe.edits import parse_edit
from snip_gui.ui.heatmap import large_layer
from tests.qt_fixtures import *  # noqa: F403 - fixtures are found by name
from tests.qt_fixtures import WAIT_MS


@pytest.fixture
def page(started, monkeypatch):
    """The weights page, to which the first layer of LeNet-300-100 is large."""
    monkeypatch.setattr(large_layer, "LARGE", 100_000)
    started.window.heatmap.show_weights.click()
    return started.window.heatmap.weights


@pytest.fixture
def mask(started):
    """Returns what is kept of the first layer now."""
    state = started.controller.state
    tensor = state.scored.layout["fc1.weight"]
    return lambda: state.scored.ranking.get_mask(tensor, state.num_kept)


def seen(page, qtbot, row, column, height, width):
    """Look at a part of the layer; return the picture of it and where it begins."""
    page.plot.view_box.setRange(QRectF(column, row, width, height), padding=0)
    qtbot.waitUntil(lambda: not page.large.needs_another_part(), timeout=WAIT_MS)
    return page.plot.picture, page.large._part


def test_from_afar_it_is_gathered_and_close_by_drawn_in_part(page, mask, started, qtbot):
    page.plot.setFixedSize(180, 120)  # so small that the whole layer is far away
    page.refresh()
    qtbot.waitUntil(lambda: page.plot.reduction >= 4 and page.plot.picture is not None
                    and page.plot.picture.palette == "density", timeout=WAIT_MS)  # fmt: skip
    assert page.large._part is None
    share = page.plot.numbers()["fraction_kept"]
    factor = page.plot.reduction
    blocks = mask()[: 300 // factor * factor, : 784 // factor * factor]
    blocks = blocks.reshape(300 // factor, factor, 784 // factor, factor).mean(axis=(1, 3))
    np.testing.assert_allclose(
        share[: 300 // factor, : 784 // factor], blocks, atol=1.1 / 254 * np.nanmax(share)
    )
    picture, part = seen(page, qtbot, 100, 300, 40, 60)
    top, left, height, width = part
    assert (top, left) != (0, 0)
    assert height * width < 784 * 300 / 2
    expected = mask()[top : top + height, left : left + width]
    np.testing.assert_array_equal(picture.index_HW == 255, expected)


def test_it_follows_the_slider_close_by_and_from_afar(page, mask, started, qtbot):
    seen(page, qtbot, 100, 300, 40, 60)
    started.controller.set_sparsity(0.5)
    top, left, height, width = page.large._part
    assert height * width < 784 * 300 / 2
    expected = mask()[top : top + height, left : left + width]
    np.testing.assert_array_equal(page.plot.picture.index_HW == 255, expected)
    page.plot.setFixedSize(180, 120)
    page.plot.reset_view()
    levels = started.controller.levels
    qtbot.waitUntil(lambda: "mask" in levels._known
                    and levels._known["mask"].num_kept == started.controller.state.num_kept,
                    timeout=WAIT_MS)  # fmt: skip
    started.controller.set_sparsity(0.99)
    qtbot.waitUntil(lambda: levels._known["mask"].num_kept == started.controller.state.num_kept,
                    timeout=WAIT_MS)  # fmt: skip


def test_connections_are_read_out_and_selected(page, mask, started, qtbot):
    seen(page, qtbot, 100, 300, 40, 60)
    page.on_clicked(110, 333)
    assert started.controller.state.selection.position == (110, 333)
    assert len(page.plot._marks) == 3


def test_it_is_not_followed_while_it_trains(page, started):
    page.colours.setCurrentIndex(page.colours.findData("training"))
    assert "too large" in page.empty.text()
    assert started.controller.live.watch.tensor == ""


def test_paths_of_large_networks_are_followed_in_the_background(started, qtbot, monkeypatch):
    state = started.controller.state
    expected = state.paths.num_on_paths()
    monkeypatch.setattr(core_scored, "_SLOW_TO_FOLLOW", 1000)
    started.controller.set_sparsity(0.95)
    assert state.paths.reach() is None
    with qtbot.waitSignal(state.paths.changed, timeout=WAIT_MS):
        pass
    assert state.paths.reach() is not None
    assert sum(state.paths.num_on_paths().values()) < sum(expected.values())
    assert "effective" in started.window.layers._effect.text()


def test_edits_are_drawn_over_it_from_afar_and_close_by(page, started, qtbot):
    started.controller.masks.add(parse_edit("remove fc1.weight[100:140, 300:360]"))
    for _ in range(2):
        page.refresh()
        qtbot.waitUntil(lambda: page.plot.edit_item.isVisible(), timeout=WAIT_MS)
        rect, image = (
            page.plot.edit_item.mapRectToParent(page.plot.edit_item.boundingRect()),
            page.plot.edit_item.image,
        )
        scale = rect.width() / image.shape[1]
        rows, columns = np.nonzero(image)
        assert set(np.unique(image)) == {0, 2}
        assert rect.y() + rows.min() * scale == pytest.approx(100, abs=scale)
        assert rect.x() + (columns.max() + 1) * scale == pytest.approx(360, abs=scale)
        seen(page, qtbot, 90, 290, 60, 100)


def test_painting_it_says_what_to_do_instead(page, started, qtbot):
    page.refresh()
    qtbot.waitUntil(lambda: page.large.canvas is not None, timeout=WAIT_MS)
    page.set_tool("brush", keeps=True)
    with qtbot.waitSignal(page.readout) as told:
        page.plot.clicked.emit(10, 10)
    assert "too large to paint" in told.args[0]
    assert not started.controller.masks.edits
