from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from snip_gui.core.graph.layout import TensorSpec
from snip_gui.core.pruning.edits.regions import find_boxes, painted_pixels
from snip_gui.core.views.arrangement import Arrangement


def filled(boxes, shape):
    found = np.zeros(shape, int)
    for box in boxes:
        found[tuple(slice(first, end) for first, end in box)] += 1
    return found


@given(array_shapes(max_dims=4, max_side=5).flatmap(lambda shape: arrays(bool, shape)))
def test_boxes_contain_exactly_the_chosen_connections_each_once(chosen):
    assert np.array_equal(filled(find_boxes(chosen), chosen.shape), chosen)


@given(st.data())
def test_a_rectangle_is_a_single_box(data):
    shape = data.draw(array_shapes(min_dims=2, max_dims=4, max_side=5))
    chosen = np.zeros(shape, bool)
    spans = [sorted(data.draw(st.tuples(*[st.integers(0, side)] * 2))) for side in shape]
    chosen[tuple(slice(first, end) for first, end in spans)] = True
    assert len(find_boxes(chosen)) == chosen.any()


def test_painted_pixels_always_name_rows_and_columns():
    chosen_HW = np.zeros((4, 6), bool)
    assert painted_pixels(chosen_HW) is None
    chosen_HW[1] = True
    assert str(painted_pixels(chosen_HW)) == "keep pixels [1, 0:6]"
    chosen_HW[:] = True
    assert str(painted_pixels(chosen_HW)) == "keep pixels [0:4, 0:6]"


@pytest.mark.parametrize("style", ["kernels", "channels"])
@pytest.mark.parametrize("in_order", [True, False])
def test_what_is_painted_is_what_lies_under_it(style, in_order):
    tensor = TensorSpec("c.weight", "c", "convolution", (5, 3, 2, 2), 0)
    order = (None, None) if in_order else (np.array([3, 1, 0, 4, 2]), np.array([2, 0, 1]))
    arrangement = Arrangement(tensor, style, *order)
    chosen_HW = np.zeros(arrangement.size, bool)
    chosen_HW[1:4, 2:5] = True
    expected = np.zeros(tensor.shape, bool)
    for row, column in np.argwhere(chosen_HW):
        position = arrangement.position_at(int(row), int(column))
        if position is not None:
            expected[position if style == "kernels" else position[:2]] = True
    assert np.array_equal(arrangement.choose(chosen_HW), expected)
