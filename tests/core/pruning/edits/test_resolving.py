from __future__ import annotations

import numpy as np
import pytest

from snip_gui.core.base.errors import UserError
from snip_gui.core.data.images.image_set import make_image_set
from snip_gui.core.graph.layout import Layout, TensorSpec
from snip_gui.core.models.catalogue import ModelInfo
from snip_gui.core.pruning.edits.resolving import (
    FREE,
    KEPT,
    REMOVED,
    edit_states,
    find_dead_inputs,
)
from snip_gui.core.recipe.edits import parse_edit

SHAPE = (2, 3, 4)
LAYOUT = Layout(
    (
        TensorSpec("a.weight", "a", "linear", (5, 24), 0),
        TensorSpec("a.bias", "a", "linear", (5,), 120),
        TensorSpec("c.weight", "c", "convolution", (2, 3, 2, 2), 125),
    )
)


def model(input_map="pixels"):
    return ModelInfo(name="a", title="Toy", description="", input_map=input_map, mapped_layer="a")


def images(shape=SHAPE, number=5000):
    """Images in which all but a few inputs vary; one varies in the last image only."""
    values = np.random.default_rng(0).integers(0, 256, (number, *shape), dtype=np.uint8)
    values[:, 0, 0] = 7
    values[:, 1, 2, 3] = 0
    values[:-1, 1, 0, 0] = 5
    values[-1, 1, 0, 0] = 6
    labels = np.arange(number) % 2
    part = values, labels
    return make_image_set(name="x", title="X", classes=("a", "b"), train=part, test=part)


def states(*texts, input_map="pixels", shape=SHAPE, of=None):
    edits = [parse_edit(text) for text in texts]
    state_M = edit_states(edits, LAYOUT, model(input_map), shape, of or images(number=4))
    return {t.name: state_M[t.offset : t.end].reshape(t.shape) for t in LAYOUT.tensors}


def test_a_rectangle_and_a_kernel_are_edited_and_nothing_else():
    found = states("keep a.weight[1:3, 20:24]", "remove c.weight[1, 2]")
    expected = np.zeros((5, 24))
    expected[1:3, 20:24] = KEPT
    assert np.array_equal(found["a.weight"], expected)
    assert np.array_equal(found["a.bias"], np.zeros(5))
    kernel = np.zeros((2, 3, 2, 2))
    kernel[1, 2] = REMOVED
    assert np.array_equal(found["c.weight"], kernel)


def test_later_edits_override_earlier_ones():
    found = states("remove a.weight", "keep a.weight[0, 0]", "remove a.weight[0, 0:2]")["a.weight"]
    assert (found == REMOVED).all()
    found = states("remove a.weight", "keep a.weight[0, 0]")["a.weight"]
    assert found[0, 0] == KEPT
    assert (found.ravel()[1:] == REMOVED).all()


def test_a_unit_is_its_incoming_connections_and_its_bias():
    found = states("remove units a[1][3:5]")
    for row, state in enumerate(found["a.weight"]):
        expected = REMOVED if row in (1, 3, 4) else FREE
        assert (state == expected).all()
        assert found["a.bias"][row] == expected


def test_a_pixel_is_its_connections_in_every_channel():
    found = states("keep pixels [1, 2:4]")["a.weight"]
    by_input = found.reshape(5, *SHAPE)
    assert (by_input[:, :, 1, 2:4] == KEPT).all()
    assert np.count_nonzero(found) == 5 * 2 * 2


def test_a_network_that_reads_row_by_row_has_columns_in_place_of_pixels():
    layout = Layout((TensorSpec("a.weight", "a", "recurrent", (5, 8), 0),))
    edit = parse_edit("remove pixels [1, 2]")
    state_M = edit_states([edit], layout, model("columns"), SHAPE, images(number=4))
    by_input = state_M.reshape(5, 2, 4)
    assert (by_input[:, :, 2] == REMOVED).all()
    assert np.count_nonzero(state_M) == 10


def test_dead_pixels_are_those_that_never_change():
    expected = np.zeros(SHAPE, bool)
    expected[0, 0] = True
    expected[1, 2, 3] = True
    assert np.array_equal(find_dead_inputs(images()), expected)
    found = states("remove dead pixels", of=images())["a.weight"].reshape(5, *SHAPE)
    assert (found[:, expected] == REMOVED).all()
    assert (found[:, ~expected] == FREE).all()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("keep b.weight", "“b.weight”, which is not prunable"),
        ("keep units b[0]", "“b”, which is not prunable"),
        ("keep a.weight[0:6]", r"\[0:6\] of a.weight, whose size is 5x24"),
        ("keep a.weight[0, 0, 0]", "of a.weight, whose size is 5x24"),
        ("keep units a[5]", r"\[5:6\] of a, whose size is 5"),
        ("keep pixels [2:4, 0]", r"\[2:4, 0:1\] of the input, whose size is 3x4"),
    ],
)
def test_an_edit_of_what_is_not_there_is_refused(text, message):
    with pytest.raises(UserError, match=message) as caught:
        states(text)
    assert caught.value.field == "pruning.edits"


@pytest.mark.parametrize("kind", ["positions", "none"])
def test_pixels_read_by_kernels_have_no_connections_of_their_own(kind):
    with pytest.raises(UserError, match="pixels of Toy have no connections of their own"):
        states("keep pixels [0, 0]", input_map=kind)


def test_dead_pixels_need_images_of_the_size_that_the_network_takes():
    with pytest.raises(UserError, match="are resized for this network"):
        states("remove dead pixels", of=images((2, 6, 4), 4))
