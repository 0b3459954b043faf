"""Each colouring of a layer's connections shows what it is named after."""

from __future__ import annotations

import numpy as np
import pytest

from tests.qt_fixtures import WAIT_MS

SHAPE = (300, 784)


@pytest.fixture
def page(started, qtbot):
    """The weights page with every connection of the first layer in sight."""
    started.window.heatmap.select_layer("fc1")
    page = started.window.heatmap.weights
    qtbot.waitUntil(lambda: page.plot.picture is not None, timeout=WAIT_MS)
    return page


@pytest.fixture
def shown(page, qtbot):
    """Choose a colouring; returns what is drawn."""

    def choose(colours):
        page.colours.setCurrentIndex(page.colours.findData(colours))
        qtbot.waitUntil(lambda: page.plot.picture.index_HW.shape == SHAPE, timeout=WAIT_MS)
        np.testing.assert_array_equal(page.plot.picture.index_HW, page.plot.image_item.image)
        return page.plot.picture.index_HW.copy()

    return choose


@pytest.fixture
def layer(started):
    """Weights, gradients, |w g|, and the number of connections that come first, of layer one."""
    state = started.controller.state
    scored = state.scored
    tensor = scored.layout["fc1.weight"]
    sensitivity_M = np.abs(scored.weight_M.astype(np.float64) * scored.gradient_M)
    rank_M = np.argsort(np.argsort(-sensitivity_M, kind="stable"), kind="stable")
    part = slice(tensor.offset, tensor.end)
    return [
        values_M[part].reshape(SHAPE)
        for values_M in (scored.weight_M, scored.gradient_M, sensitivity_M, rank_M)
    ]


def follows(index_HW, values_HW):
    """Whether higher indices stand for higher values, up to the width of an index."""
    order = np.argsort(values_HW.ravel(), kind="stable")
    ordered = index_HW.ravel()[order].astype(int)
    return bool((ordered >= np.maximum.accumulate(ordered) - 1).all())


def test_the_mask_shows_what_is_kept(started, shown, layer):
    num_kept = started.controller.state.num_kept
    kept_HW = layer[3] < num_kept
    index_HW = shown("mask")
    # In single precision two scores may swap places where they are equal.
    assert ((index_HW == 255) != kept_HW).sum() <= 2
    assert set(np.unique(index_HW)) == {1, 255}
    started.controller.set_sparsity(0.5)
    assert (shown("mask") == 255).sum() > 2 * kept_HW.sum()


@pytest.mark.parametrize("name", ["fc2", "fc3", "fc1"])
def test_choosing_a_layer_draws_it(started, page, name):
    scored = started.controller.state.scored
    page.layer.setCurrentIndex(page.layer.findData("fc2.weight"))
    page.layer.setCurrentIndex(page.layer.findData(f"{name}.weight"))
    tensor = scored.layout[f"{name}.weight"]
    assert page.canvas.arrangement.tensor == tensor
    assert page.plot.picture.index_HW.shape == page.canvas.size
    kept = scored.masks.get_mask(tensor, started.controller.state.num_kept)
    assert (page.plot.picture.index_HW == 255).sum() == kept.sum()


def test_sensitivity_follows_the_scores(shown, layer):
    _, _, sensitivity_HW, _ = layer
    index_HW = shown("sensitivity")
    assert follows(index_HW, sensitivity_HW)
    assert len(np.unique(index_HW)) > 200
    assert index_HW.ravel()[sensitivity_HW.argmax()] > 200


def test_sensitivity_of_the_kept_leaves_the_removed_out(shown):
    everything, mask, kept = shown("sensitivity"), shown("mask") == 255, shown("kept-sensitivity")
    np.testing.assert_array_equal(kept, everything * mask)
    assert mask.any()
    assert not mask.all()


@pytest.mark.parametrize(("colours", "number"), [("weight", 0), ("gradient", 1)])
def test_signed_values_are_light_at_zero_and_coloured_by_sign(shown, layer, colours, number):
    values_HW = layer[number]
    index_HW = shown(colours)
    assert follows(index_HW, values_HW)
    clear = np.abs(values_HW) > np.abs(values_HW).max() / 50
    np.testing.assert_array_equal(index_HW[clear] > 128, values_HW[clear] > 0)
    other = layer[1 - number]
    assert not follows(index_HW, other)


def test_removal_sparsity_follows_the_rank(shown, layer):
    index_HW = shown("leaves")
    assert follows(index_HW, -layer[3])
    assert len(np.unique(index_HW)) > 200


def test_without_a_training_there_is_a_sentence_in_place_of_a_picture(page):
    page.colours.setCurrentIndex(page.colours.findData("training"))
    assert "has not been trained yet" in page.empty.text()


def test_all_colourings_are_offered_and_differ(page, shown):
    offered = [page.colours.itemData(row) for row in range(page.colours.count())]
    assert len(offered) == len(set(offered)) == 7
    pictures = [shown(colours) for colours in offered if colours != "training"]
    for number, picture in enumerate(pictures):
        for other in pictures[:number]:
            assert (picture != other).any()
