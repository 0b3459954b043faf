"""The weights of a layer while they train."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtWidgets import QLabel
from safetensors.numpy import load_file

from snip_gui.core.runs import folder as run_folder
from tests.qt_fixtures import *  # noqa: F403 - fixtures are found by name
from tests.qt_fixtures import WAIT_MS


@pytest.fixture
def page(started):
    page = started.window.heatmap.weights
    started.window.heatmap.show_weights.click()
    page.colours.setCurrentIndex(page.colours.findData("training"))
    return page


def test_before_a_training_there_is_none(page, qtbot):
    qtbot.waitUntil(page.empty.isVisible, timeout=WAIT_MS)
    assert "Train (F6)" in page.empty.text()
    assert page.timeline.isVisible()
    assert not page.timeline.slider.isEnabled()


def test_the_picture_follows_the_weights_and_goes_back(page, started, qtbot):
    controller, state = started.controller, started.controller.state
    controller.set_field("training.epochs", 3)
    controller.train()
    qtbot.waitUntil(lambda: state.training is not None and state.training.phase == "finished",
                    timeout=WAIT_MS)  # fmt: skip
    qtbot.waitUntil(lambda: page.timeline._epochs[-1:] == (3.0,), timeout=WAIT_MS)
    assert controller.live.watch.tensor == "fc1.weight"
    qtbot.waitUntil(page.plot.isVisible, timeout=WAIT_MS)
    kept = load_file(state.training.folder / run_folder.CHECKPOINT)["model.fc1.weight"]
    np.testing.assert_array_equal(controller.live.weight_at(-1, "fc1.weight"), kept)
    page.on_hovered(3, 300)
    text = started.window.findChild(QLabel, "heatmap_readout").text()
    assert f"while training {kept[3, 300]:+.4f}" in text
    ended = page.plot.picture.index_HW.copy()
    page.timeline.slider.setValue(0)
    assert "epoch 0.0" in page.timeline._text.text()
    assert not np.array_equal(page.plot.picture.index_HW, ended)
    page.timeline.slider.setValue(page.timeline.slider.maximum())
    np.testing.assert_array_equal(page.plot.picture.index_HW, ended)


def test_what_is_not_seen_is_not_followed(page, started):
    assert started.controller.live.watch.tensor == "fc1.weight"
    started.window.heatmap.select_layer("fc2")
    assert started.controller.live.watch.tensor == "fc2.weight"
    started.window.heatmap.show_map.click()
    assert started.controller.live.watch.tensor == ""
