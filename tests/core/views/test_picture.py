from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from snip_gui.core.views.picture import colour_table, to_indices

finite = st.floats(-1e6, 1e6, width=32)


@given(hnp.arrays(np.float32, 20, elements=finite), finite, finite)
def test_indices_stay_between_1_and_255_and_keep_the_order(values, one, other):
    low, high = min(one, other), max(one, other)
    index = to_indices(values, low, high)
    assert index.dtype == np.uint8
    assert index.min() >= 1  # 0 means that there is nothing
    assert (np.diff(index[np.argsort(values)].astype(int)) >= 0).all()


def test_the_ends_of_the_range_are_the_ends_of_the_colours():
    index = to_indices(np.array([-5.0, -3.0, -1.0, 1.0, 9.0]), -3.0, 1.0)
    assert index.tolist() == [1, 1, 128, 255, 255]


@pytest.mark.parametrize("value", [0.0, 7.0])
def test_a_range_without_width_does_not_divide_by_zero(value):
    assert to_indices(np.full(3, value), value, value).tolist() == [1, 1, 1]


def test_infinities_are_clipped():
    assert to_indices(np.array([-np.inf, np.inf]), 0, 1).tolist() == [1, 255]


@pytest.mark.parametrize("palette", ["grey", "viridis", "mask"])
def test_palettes_grow_lighter_and_keep_index_0_apart(palette):
    table = colour_table(palette, nothing=(9, 8, 7))
    assert table.shape == (256, 3)
    assert table[0].tolist() == [9, 8, 7]
    lightness = table[1:].astype(float) @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(lightness) > -0.75).all()  # but for rounding
    assert lightness[-1] - lightness[0] > 100


def test_the_mask_palette_has_the_colours_asked_for():
    table = colour_table("mask", removed=(1, 2, 3), kept=(200, 201, 202))
    assert table[1].tolist() == [1, 2, 3]
    assert table[255].tolist() == [200, 201, 202]
