"""The moving mask of a method that prunes while it trains, in every view."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from PySide6.QtGui import QAction
from safetensors.numpy import load_file

from snip_gui.core.recipe.json import with_value
from snip_gui.core.recipe.methods import Surgery
from snip_gui.core.runs import folder as run_folder
from tests.core.execution.folders import STEPS_PER_EPOCH
from tests.qt_fixtures import *  # noqa: F403 - fixtures are found by name
from tests.qt_fixtures import WAIT_MS


@pytest.fixture
def trained(started, qtbot):
    """A window in which dynamic network surgery has ended."""
    controller, state = started.controller, started.controller.state
    recipe = with_value(state.recipe, "training.epochs", 1)
    spec = Surgery(c_rate=(1.0,), surgery_epochs=2, splice_steps=20, gamma=0.01)
    controller.edit(msgspec.structs.replace(recipe, pruning=spec), "Surgery")
    controller.score()
    qtbot.waitUntil(lambda: state.scored is not None and not state.is_stale, timeout=WAIT_MS)
    controller.train()
    qtbot.waitUntil(lambda: state.training is not None and state.training.phase == "finished",
                    timeout=WAIT_MS)  # fmt: skip
    return started


def test_every_view_shows_the_moving_mask_and_goes_back(trained, qtbot):
    window, state = trained.window, trained.controller.state
    masks, timeline = trained.controller.live_masks, window.heatmap.timeline
    qtbot.waitUntil(timeline.isVisible, timeout=WAIT_MS)
    assert masks.is_following  # from the start
    qtbot.waitUntil(timeline.follow.isChecked, timeout=WAIT_MS)
    timeline.follow.click()
    assert not masks.is_following
    assert not timeline.slider.isEnabled()
    scored, picture = state.scored, window.heatmap.plot.picture.index_HW.copy()
    assert scored is state.own_scored
    assert "Preview" in state.mask_note

    timeline.follow.click()
    stored = load_file(state.training.folder / run_folder.MASKS)
    assert state.num_kept == sum(int(mask.sum()) for mask in stored.values())
    for row in state.layer_rows():
        parts = [mask for name, mask in stored.items() if name.startswith(f"{row.layer}.")]
        assert row.kept == sum(int(mask.sum()) for mask in parts)
    assert not np.array_equal(window.heatmap.plot.picture.index_HW, picture)
    assert "The mask at step" in state.mask_note
    assert "Preview" not in state.mask_note

    timeline.slider.setValue(0)  # dense
    assert state.num_kept == state.num_parameters
    assert "0% removed" in timeline._text.text()
    ended = timeline.slider.maximum()
    timeline.slider.setValue(ended)
    assert masks.number == -1
    trained.controller.pins.pin_screen()
    assert trained.controller.pins.pins[-1].mask.num_kept == state.num_kept
    assert trained.controller.kept_pins.all == ()  # it could not be found again by scoring

    timeline.follow.click()
    assert state.scored is scored
    np.testing.assert_array_equal(window.heatmap.plot.picture.index_HW, picture)


def test_the_chart_shows_what_each_layer_keeps(trained, qtbot):
    window, masks = trained.window, trained.controller.live_masks
    charts = window.training.charts
    charts.options.findChild(QAction, "chart_quantity_kept").trigger()
    qtbot.waitUntil(lambda: len(charts._layer_items) == 3, timeout=WAIT_MS)
    percent_LN = masks.kept_percent()
    assert percent_LN.shape == (3, len(masks.steps))
    assert (percent_LN[:, 0] == 100).all()
    assert (percent_LN[:, -1] < 100).all()
    x, y = charts._layer_items[0].getData()
    np.testing.assert_allclose(x, np.array(masks.steps) / STEPS_PER_EPOCH)
    np.testing.assert_allclose(y, percent_LN[0])


def test_another_scoring_or_network_ends_the_view(trained, qtbot):
    masks, controller = trained.controller.live_masks, trained.controller
    masks.follow()
    controller.set_field("model.name", "lenet-5-caffe")
    assert not masks.is_following


def test_a_run_that_is_shown_again_has_its_moves(trained, qtbot):
    masks, controller = trained.controller.live_masks, trained.controller
    steps = masks.steps
    masks._forget()
    masks._folder = None
    controller.train()  # it is done: shown, not trained
    qtbot.waitUntil(lambda: masks.steps == steps, timeout=WAIT_MS)


def test_a_static_mask_has_no_timeline(started, qtbot):
    controller, state = started.controller, started.controller.state
    controller.set_field("training.epochs", 1)
    controller.train()
    qtbot.waitUntil(lambda: state.training is not None and state.training.phase == "finished",
                    timeout=WAIT_MS)  # fmt: skip
    assert controller.live_masks.steps == ()
    assert not started.window.heatmap.timeline.isVisible()
