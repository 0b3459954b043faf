from __future__ import annotations

import numpy as np
import pytest

from snip_gui.core.pruning.mask_source import OneMask, PassingMask, removed_value
from snip_gui.core.pruning.ranking import rank_scores
from tests.core.sources import Units, Unnested
from tests.core.toys import layout_of

LAYOUT = layout_of((6, 4), (6,), (4, 3, 2, 1), (5, 4))
M = LAYOUT.num_parameters


def ranking_of(layout):
    scores = np.random.default_rng(0).normal(size=layout.num_parameters)
    return rank_scores(scores.astype(np.float32), layout)


SOURCES = [ranking_of, Unnested, Units]


@pytest.mark.parametrize("make", SOURCES)
def test_a_source_keeps_the_number_it_says(make):
    source = make(LAYOUT)
    for asked in range(1, M + 1):
        num_kept = source.nearest(asked)
        counts = source.counts_at(num_kept)
        masks = source.mask_at(num_kept)
        assert sum(counts.values()) == num_kept
        assert counts == {name: int(mask.sum()) for name, mask in masks.items()}
        assert {n: m.shape for n, m in masks.items()} == {t.name: t.shape for t in LAYOUT.tensors}
        assert source.nearest(num_kept) == num_kept


@pytest.mark.parametrize("make", SOURCES)
def test_what_is_laid_out_is_the_mask_and_nothing_in_gaps(make):
    source = make(LAYOUT)

    def with_gap(values):
        return np.append(values.ravel()[::-1], removed_value(values.dtype))

    for tensor in LAYOUT.tensors:
        cut = source.cutter(tensor, with_gap)
        for asked in range(1, M + 1):
            num_kept = source.nearest(asked)
            expected = [*source.get_mask(tensor, num_kept).ravel()[::-1], False]
            np.testing.assert_array_equal(cut(num_kept), expected)


@pytest.mark.parametrize("make", SOURCES)
def test_single_connections_are_those_of_the_mask(make):
    source = make(LAYOUT)
    num_kept = source.nearest(M // 2)
    for tensor in LAYOUT.tensors:
        for position, is_kept in np.ndenumerate(source.get_mask(tensor, num_kept)):
            assert source.keeps(tensor, position, num_kept) is bool(is_kept)


def test_the_test_double_does_not_nest():
    one, other = (Unnested(LAYOUT).mask_at(number) for number in (20, 40))
    assert any((one[name] & ~other[name]).any() for name in one)


def test_changing_a_mask_that_was_returned_leaves_the_source_unchanged():
    source = OneMask(LAYOUT, ranking_of(LAYOUT).mask_at(20))
    for mask in source.mask_at(20).values():
        mask[:] = False
    assert sum(source.counts_at(20).values()) == 20


def test_a_passing_mask_says_which_state_it_is():
    source = PassingMask(LAYOUT, ranking_of(LAYOUT).mask_at(20), "After 7 steps.")
    assert source.nearest(1) == 20
    assert source.describe(20) == "After 7 steps."
