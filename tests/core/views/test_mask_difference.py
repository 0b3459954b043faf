from __future__ import annotations

import numpy as np
import pytest

from snip_gui.core.comparing.comparison import Mask
from snip_gui.core.comparing.frequency import FrequencyCounter
from snip_gui.core.views.mask_difference import (
    difference_canvas,
    difference_picture,
    diverging_table,
    frequency_canvas,
    input_maps,
    relation_table,
    who_keeps,
)
from snip_gui.core.views.picture import BOTH, NEITHER, ONLY_A, ONLY_B
from tests.core.masks import LENET, as_ranking, layout_named, random_mask, scored_of, scored_with
from tests.core.sources import Units, Unnested

SHAPES = [(6, 9), (4, 3, 5, 5), (5, 2, 3, 2), (3, 4, 1, 1)]
TABLE = {"nothing": (9, 9, 9), "neither": (1, 1, 1), "both": (2, 2, 2), "only_a": (3, 3, 3)}


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_colours_agree_with_both_masks_at_every_pixel(shape):
    shapes = {"x": (11, 2), "y": shape}
    a, b = random_mask(30, 0, shapes), random_mask(40, 1, shapes)
    tensor = a.layout.tensors[1]
    canvas = difference_canvas(a.scored.ranking, b.scored.ranking, tensor)
    picture = canvas.picture(30, 40)
    table = relation_table(**TABLE, only_b=(4, 4, 4))
    in_a, in_b = (m.scored.ranking.get_mask(tensor, m.num_kept) for m in (a, b))
    seen = set()
    for (row, column), index in np.ndenumerate(picture.index_HW):
        position = canvas.position_at(row, column)
        seen.add(position)
        if position is None:
            expected = 9
        else:
            expected = {(1, 1): 2, (1, 0): 3, (0, 1): 4, (0, 0): 1}[
                int(in_a[position]), int(in_b[position])
            ]
        assert table[index].tolist() == [expected] * 3
    assert seen - {None} == set(np.ndindex(shape))


def test_blocks_take_the_colour_of_the_most_frequent_and_the_strength_of_all():
    layout = layout_named({"wide": (1, 4_096)})
    score = np.zeros((2, 4_096), np.float32)
    score[0, [0, 1, 2, 8, 9]] = 1  # blocks of two: A and B, A alone, nothing, nothing, both twice
    score[1, [0, 8, 9, 13]] = 1
    a, b = (scored_of(row, layout) for row in score)
    canvas = difference_canvas(a.ranking, b.ranking, layout.tensors[0])
    assert canvas.block == (1, 2)
    index = canvas.picture(5, 4).index_HW[0]
    assert len(index) == 2_048
    assert index[0] == BOTH  # one by both, one by A: full, and both is named first
    assert index[1] == ONLY_A - 42
    assert index[4] == BOTH
    assert index[6] == ONLY_B - 42
    assert set(index[[2, 3, 5, 7]]) == {NEITHER}


def test_far_out_kernels_are_blocks_that_do_not_count_their_gaps():
    a = random_mask(1_600, 0, {"y": (20, 10, 3, 3)})
    tensor = a.layout.tensors[0]
    canvas = difference_canvas(a.scored.ranking, a.scored.ranking, tensor)
    assert canvas.reduced(1) is canvas
    far = canvas.reduced(4)
    assert (far.size, far.block) == (canvas.size, (4, 4))
    index_HW = far.picture(1_800, 1_800).index_HW  # everything is kept by both
    assert index_HW.shape == (-(-canvas.size[0] // 4), -(-canvas.size[1] // 4))
    assert set(index_HW.ravel()) <= {0, BOTH}
    some = far.picture(1_600, 1_600).index_HW
    assert BOTH - 84 < some[index_HW > 0].min() < some.max() <= BOTH


def test_a_single_connection_in_a_large_block_is_seen():
    layout = layout_named({"wide": (1, 409_600)})
    score = np.zeros((2, 409_600), np.float32)
    score[0, 7] = 1
    a, b = (scored_of(row, layout) for row in score)
    canvas = difference_canvas(a.ranking, b.ranking, layout.tensors[0])
    table = relation_table(**TABLE, only_b=(4, 4, 4))
    index = canvas.picture(1, 0).index_HW[0]
    assert index[0] == BOTH + 1  # the faintest of A's
    assert (table[index[1:]] == 1).all()


def test_the_difference_of_input_maps_is_signed_and_its_zero_is_neutral():
    a, b = random_mask(30_000, 0), random_mask(20_000, 1)
    maps = input_maps(a, b)
    expected = a.scored.input_fractions(30_000)[0] - b.scored.input_fractions(20_000)[0]
    np.testing.assert_allclose(maps.difference_HW, expected)
    picture = maps.picture("difference")
    assert picture.low == -picture.high
    assert maps.picture("a").high == maps.picture("b").high
    table = diverging_table(
        nothing=(0, 0, 0), neutral=(90, 90, 90), only_a=(200, 0, 0), only_b=(0, 0, 200)
    )
    index = difference_picture(np.array([[-1.0, 0.0, 1.0]])).index_HW[0]
    assert table[index].tolist() == [[0, 0, 200], [90, 90, 90], [200, 0, 0]]


def test_equal_maps_are_neutral_everywhere():
    mask = random_mask(9_000, 0)
    index = input_maps(mask, mask).picture("difference").index_HW
    assert set(index.ravel()) == {128}


def test_where_there_is_no_input_map_it_says_why():
    shapes = {name: shape for name, shape in LENET.items() if name != "fc1"}
    mask = random_mask(10, 0, shapes)
    assert "fc1" in input_maps(mask, Mask(mask.scored, 5))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_frequencies_lie_where_their_connections_are(shape):
    counter = FrequencyCounter(4)
    for seed in range(4):
        counter.add(random_mask(40, seed, {"x": (11, 2), "y": shape}))
    found = counter.result()
    tensor = found.layout.tensors[1]
    count = found.count_M[tensor.offset : tensor.end].reshape(shape)
    canvas = frequency_canvas(found, tensor)
    for (row, column), index in np.ndenumerate(canvas.picture().index_HW):
        position = canvas.position_at(row, column)
        expected = 0 if position is None else int(1.5 + 254 * int(count[position]) / 4)
        assert index == expected


def test_frequencies_of_blocks_are_means():
    counter = FrequencyCounter(2)
    masks = [random_mask(3_000, seed, {"wide": (3, 5_000)}) for seed in range(2)]
    for mask in masks:
        counter.add(mask)
    found = counter.result()
    picture = frequency_canvas(found, found.layout.tensors[0]).picture()
    assert picture.index_HW.shape == (3, 1_667)
    share = found.count_M.reshape(3, 5_000)[1, 30:33].mean() / 2
    assert picture.index_HW[1, 10] == int(1.5 + 254 * share)


@pytest.mark.parametrize("make", [Unnested, Units])
def test_masks_of_any_source_are_compared_as_those_of_rankings(make):
    source = make(layout_named({"x": (4, 3, 5, 5), "y": (6, 9)}))
    kept = [source.nearest(number) for number in (60, 200)]
    masks = [Mask(scored_with(source), number) for number in kept]
    ranked = [Mask(as_ranking(source, number), number) for number in kept]
    for tensor in source.layout.tensors:
        found = difference_canvas(source, source, tensor).picture(*kept)
        expected = difference_canvas(*(mask.scored.masks for mask in ranked), tensor)
        np.testing.assert_array_equal(found.index_HW, expected.picture(*kept).index_HW)
        for position in np.ndindex(tensor.shape):
            said = who_keeps(*masks, tensor, position)
            assert said == who_keeps(*ranked, tensor, position)
