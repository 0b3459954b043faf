from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from snip_gui.core.pruning.ranking import rank_scores
from snip_gui.core.views.arrangement import Arrangement
from snip_gui.core.views.picture import colour_table
from snip_gui.core.views.weight_canvas import (
    NO_SCORES,
    block_mean,
    edit_picture,
    find_score_colours,
    weight_canvas,
)
from tests.core.masks import as_ranking, layout_named
from tests.core.sources import Units, Unnested
from tests.core.toys import layout_of


def make_ranking(*shapes, seed=0):
    layout = layout_of(*shapes)
    rng = np.random.default_rng(seed)
    scores = rng.random(layout.num_parameters, np.float32)
    scores[rng.random(scores.shape) < 0.2] = 0
    return rank_scores(scores, layout)


def canvas_of(ranking):
    """The canvas of the first weight."""
    return weight_canvas(ranking, Arrangement(ranking.layout.tensors[0]))


SHAPES = [(6, 9), (4, 3, 5, 5), (5, 2, 3, 2), (3, 4, 1, 1), (5, 2, 3), (4, 2, 2, 3, 2), (3, 4, 1)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("num_kept", [0, 1, 40, 10_000])
def test_colours_agree_with_the_mask_at_every_pixel(shape, num_kept):
    ranking = make_ranking((11, 2), shape)
    tensor = ranking.layout.tensors[1]
    canvas = weight_canvas(ranking, Arrangement(tensor))
    picture = canvas.picture(num_kept, "mask")
    table = colour_table("mask", nothing=(1, 1, 1), removed=(2, 2, 2), kept=(3, 3, 3))
    mask = ranking.get_mask(tensor, num_kept)
    seen = set()
    for (row, column), index in np.ndenumerate(picture.index_HW):
        position = canvas.position_at(row, column)
        expected = 1 if position is None else 3 if mask[position] else 2
        assert table[index].tolist() == [expected] * 3
        seen.add(position)
    assert seen - {None} == set(np.ndindex(shape))  # every connection is somewhere


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_positions_and_ranks_go_together(shape):
    ranking = make_ranking((11, 2), shape)
    tensor = ranking.layout.tensors[1]
    canvas = weight_canvas(ranking, Arrangement(tensor))
    ranks = ranking.get_ranks(tensor)
    removed_at_HW = sum(~canvas.cut(n) for n in range(1, ranking.layout.num_parameters + 1))
    for (row, column), removed_at in np.ndenumerate(removed_at_HW):
        position = canvas.position_at(row, column)
        never_kept = ranking.layout.num_parameters
        assert removed_at == (never_kept if position is None else ranks[position])


def test_kernels_of_an_output_lie_side_by_side_with_a_gap_between():
    canvas = weight_canvas(
        ranking := make_ranking((4, 3, 5, 5)), Arrangement(ranking.layout.tensors[0])
    )
    for kernel_row, kernel_column in np.ndindex(5, 5):
        for channel in range(3):
            found = canvas.position_at(kernel_row, channel * 6 + kernel_column)
            assert found == (0, channel, kernel_row, kernel_column)
    assert canvas.position_at(5, 0) is None
    assert canvas.position_at(0, 5) is None
    assert canvas.position_at(6, 0) == (1, 0, 0, 0)


@pytest.mark.parametrize("shape", [(20, 1, 5, 5), (50, 20, 5, 5), (64, 3, 3, 3)], ids=str)
def test_the_canvas_of_kernels_is_about_square(shape):
    canvas = weight_canvas(ranking := make_ranking(shape), Arrangement(ranking.layout.tensors[0]))
    height, width = canvas.size
    assert 0.5 < height / width < 2


@pytest.mark.parametrize(("row", "column"), [(-1, 0), (0, -1), (23, 0), (0, 17), (500, 500)])
def test_outside_the_canvas_there_is_nothing(row, column):
    canvas = weight_canvas(
        ranking := make_ranking((4, 3, 5, 5)), Arrangement(ranking.layout.tensors[0])
    )
    assert canvas.position_at(row, column) is None


def test_kept_sensitivity_shows_only_what_is_kept():
    ranking = make_ranking((6, 9))
    tensor = ranking.layout.tensors[0]
    canvas = weight_canvas(ranking, Arrangement(tensor))
    everything = canvas.picture(20, "sensitivity")
    kept = canvas.picture(20, "kept-sensitivity")
    mask = ranking.get_mask(tensor, 20)
    np.testing.assert_array_equal(kept.index_HW[mask], everything.index_HW[mask])
    assert not kept.index_HW[~mask].any()
    assert kept.scale == "log"
    assert everything.index_HW.all()


def test_sensitivity_colours_follow_the_logarithm():
    score = np.float32(10) ** np.linspace(-6, 0, 7, dtype=np.float32)
    colours = find_score_colours(score, "sensitivity")
    index, low, high = colours.to_indices(score), colours.low, colours.high
    assert high == pytest.approx(0, abs=1e-6)
    assert -6 <= low < -5
    assert index[-1] == 255
    steps = np.diff(index.astype(int))[1:]
    assert steps.min() > 0
    assert steps.max() - steps.min() <= 1  # equal factors, equal steps


def test_zeros_take_the_lowest_colour():
    score = np.float32([0, 1e-6, 1e-3, 1, 0])
    index = find_score_colours(score, "sensitivity").to_indices(score)
    assert index[[0, 4]].tolist() == [1, 1]
    zeros = np.zeros(4, np.float32)
    colours = find_score_colours(zeros, "sensitivity")
    assert colours.to_indices(zeros).tolist() == [1] * 4
    assert colours.low < colours.high


def test_signed_scores_are_coloured_around_zero():
    score = np.float32([-2, -1, 0, 1, 0.5])
    colours = find_score_colours(score, "score")
    index = colours.to_indices(score).astype(int)
    assert index[2] == 128
    assert index[1] - 128 == 128 - index[3]
    assert np.argsort(index).tolist() == np.argsort(score).tolist()
    picture = colours.picture(index.astype(np.uint8))
    assert (picture.palette, picture.scale, picture.low) == ("diverging", "linear", -picture.high)


def test_a_layer_larger_than_a_screen_is_shown_in_blocks():
    ranking = make_ranking((3, 5_000))
    tensor = ranking.layout.tensors[0]
    canvas = weight_canvas(ranking, Arrangement(tensor))
    assert canvas.block == (1, 3)
    picture = canvas.picture(7_000, "mask")
    mask = ranking.get_mask(tensor, 7_000)
    assert picture.index_HW.shape == (3, 1_667)
    for row, column in [(0, 0), (1, 5), (2, 1_000), (0, 1_666)]:
        share = mask[row, column * 3 : column * 3 + 3].mean()
        assert picture.index_HW[row, column] == int(1.5 + 254 * share / picture.high)
        assert canvas.position_at(row, column * 3) == (row, column * 3)
    assert canvas.position_at(0, 5_000) is None
    assert canvas.picture(7_000, "sensitivity").index_HW.shape == picture.index_HW.shape


@given(
    hnp.arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9))),
    st.tuples(st.integers(1, 5), st.integers(1, 5)),
)
def test_block_means_agree_with_counting_ragged_edges_included(kept, block):
    found = block_mean(kept, block)
    down, across = block
    rows, columns = -(-kept.shape[0] // down), -(-kept.shape[1] // across)
    assert found.shape == (rows, columns)
    for row in range(rows):
        for column in range(columns):
            part = kept[row * down : (row + 1) * down, column * across : (column + 1) * across]
            assert found[row, column] == pytest.approx(part.mean())


def test_block_means_of_large_blocks_do_not_overflow():
    assert block_mean(np.ones((600, 600), bool), (600, 600)).tolist() == [[1.0]]


@pytest.mark.parametrize("shape", [(40, 30), (9, 7, 3, 3)], ids=str)
@pytest.mark.parametrize("factor", [2, 4, 16])
def test_from_afar_blocks_show_the_share_kept_of_what_is_there(shape, factor):
    ranking = make_ranking((11, 2), shape)
    tensor = ranking.layout.tensors[1]
    near = weight_canvas(ranking, Arrangement(tensor))
    far = near.reduced(factor)
    assert far.block == (factor, factor)
    assert far.size == near.size
    assert near.reduced(1) is near
    picture = far.picture(300, "mask")
    assert picture.palette == "density"
    kept_HW, present_HW = near.cut(300), near.arrangement.present_HW > 0
    shares = {}
    for row, column in np.ndindex(picture.index_HW.shape):
        part = np.s_[row * factor : (row + 1) * factor, column * factor : (column + 1) * factor]
        there = present_HW[part].sum()
        shares[row, column] = kept_HW[part].sum() / there if there else None
    most = max(share for share in shares.values() if share is not None)
    assert picture.high == pytest.approx(most)
    for place, share in shares.items():
        expected = 0 if share is None else 1 + 254 * share / most
        assert picture.index_HW[place] == pytest.approx(expected, abs=1)


@pytest.mark.parametrize("colours", ["sensitivity", "kept-sensitivity"])
def test_from_afar_blocks_show_their_highest_sensitivity(colours):
    ranking = make_ranking((50, 45))
    near = canvas_of(ranking)
    far = near.reduced(4).picture(300, colours).index_HW
    close = near.picture(300, colours).index_HW
    for row, column in np.ndindex(far.shape):
        part = close[row * 4 : row * 4 + 4, column * 4 : column * 4 + 4]
        assert far[row, column] == part.max()


def test_a_layer_of_which_nothing_is_kept_has_a_picture_from_afar():
    ranking = make_ranking((50, 45))
    picture = canvas_of(ranking).reduced(4).picture(0, "mask")
    assert set(np.unique(picture.index_HW)) == {1}


@pytest.mark.parametrize("make", [Unnested, Units])
@pytest.mark.parametrize("factor", [1, 3])
def test_masks_of_any_source_are_drawn_as_those_of_a_ranking(make, factor):
    source = make(layout_named({"x": (4, 3, 5, 5), "y": (6, 9)}))
    num_kept = source.nearest(100)
    ranked = as_ranking(source, num_kept).masks
    for tensor in source.layout.tensors:
        found, expected = (
            weight_canvas(masks, Arrangement(tensor)).reduced(factor).picture(num_kept, "mask")
            for masks in (source, ranked)
        )
        np.testing.assert_array_equal(found.index_HW, expected.index_HW)
        for look in ("sensitivity", "kept-sensitivity"):
            assert weight_canvas(source, Arrangement(tensor)).picture(num_kept, look) == NO_SCORES


def test_a_block_shows_an_edit_of_any_of_its_connections():
    tensor = layout_named({"a": (4, 6)}).tensors[0]
    state = np.zeros((4, 6), np.uint8)
    state[1, 2], state[3, 5] = 1, 2
    arrangement = Arrangement(tensor)
    assert np.array_equal(edit_picture(state, arrangement, (1, 1)), state)
    assert np.array_equal(edit_picture(state, arrangement, (2, 2)), [[0, 1, 0], [0, 0, 2]])
