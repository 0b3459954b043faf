from __future__ import annotations

import math

import numpy as np
import pytest

from snip_gui.core.graph.layout import TensorSpec
from snip_gui.core.views.arrangement import Arrangement, by_number_kept
from snip_gui.core.views.weight_canvas import reduced_block

SHAPES = [(6, 9), (4, 3, 5, 5), (5, 2, 3, 2), (3, 4, 1, 1), (5, 2, 3), (4, 2, 2, 3, 2), (3, 4, 1)]


def arranged(shape, style="kernels", *, shuffled=False):
    kind = "linear" if len(shape) == 2 else "convolution"
    tensor = TensorSpec("layer.weight", "layer", kind, shape, 0)
    if not shuffled:
        return Arrangement(tensor, style)
    rng = np.random.default_rng(1)
    return Arrangement(tensor, style, rng.permutation(shape[0]), rng.permutation(shape[1]))


WAYS = [
    pytest.param(style, shuffled, id=f"{style}, {'sorted' if shuffled else 'as it is'}")
    for style in ("kernels", "channels")
    for shuffled in (False, True)
]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize(("style", "shuffled"), WAYS)
def test_every_connection_lies_where_its_position_says(shape, style, shuffled):
    plane = arranged(shape, style, shuffled=shuffled)
    number = np.arange(math.prod(shape)).reshape(shape)
    placed_HW = plane.place(number, -1)
    assert placed_HW.shape == plane.size == plane.present_HW.shape
    seen = []
    for (row, column), found in np.ndenumerate(placed_HW):
        position = plane.position_at(row, column)
        assert found == (-1 if position is None else number[position])
        assert plane.present_HW[row, column] == (position is not None)
        seen.append(position)
    assert sorted(filter(None, seen)) == sorted(np.ndindex(shape))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize(("style", "shuffled"), WAYS)
def test_rectangles_hold_what_they_are_of_and_nothing_else(shape, style, shuffled):
    plane = arranged(shape, style, shuffled=shuffled)
    unit, source = shape[0] - 1, shape[1] // 2
    place = tuple(side - 1 for side in shape[2:])
    cases = [
        ((unit, None, ()), lambda at: at[0] == unit),
        ((None, source, ()), lambda at: at[1] == source),
    ]
    for asked, belongs in cases:
        marked = inside(plane, plane.rectangles(*asked))
        assert marked == {at for at in np.ndindex(shape) if belongs(at)}
    *_, connection = plane.rectangles(unit, source, place)
    assert inside(plane, [connection]) == {(unit, source, *place)}
    *_, kernel = plane.rectangles(unit, source)
    assert inside(plane, [kernel]) == {at for at in np.ndindex(shape) if at[:2] == (unit, source)}
    assert plane.rectangles(None, None) == ()


def inside(plane, rectangles):
    """The positions of all connections in rectangles."""
    found = set()
    for top, left, height, width in rectangles:
        for row in range(top, top + height):
            for column in range(left, left + width):
                found.add(plane.position_at(row, column))
    return found - {None}


def test_as_channels_a_kernel_is_one_block():
    plane = arranged((4, 3, 5, 2), "channels")
    assert plane.size == (20, 6)
    assert reduced_block(plane, 1) == (5, 2)
    assert reduced_block(plane, 4) == (5, 4)
    assert reduced_block(plane, 8) == (10, 8)


def test_units_with_the_most_kept_come_first():
    kept_OI = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 1]])
    units, sources = by_number_kept(kept_OI)
    assert units.tolist() == [1, 2, 0]
    assert sources.tolist() == [1, 2, 0]  # 3, 2 and 1 kept


def test_of_equal_numbers_the_lower_index_comes_first():
    units, sources = by_number_kept(np.ones((3, 2), int))
    assert (units.tolist(), sources.tolist()) == ([0, 1, 2], [0, 1])
