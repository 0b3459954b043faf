from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from snip_gui.core.pruning.histogram import score_histogram


@given(
    hnp.arrays(
        np.float32,
        st.integers(1, 300),
        elements=st.one_of(st.just(0.0), st.floats(0, 1, width=32)),
    )
)
def test_every_connection_is_counted_once(score):
    histogram = score_histogram(score)
    assert histogram.num_zero == int((score == 0).sum())
    assert int(histogram.counts.sum()) + histogram.num_zero == score.size
    assert len(histogram.edges) == len(histogram.counts) + 1
    assert (np.diff(histogram.edges) > 0).all()
    assert histogram.share_zero == pytest.approx((score == 0).mean())


def test_bins_hold_what_lies_between_their_edges():
    score = (10 ** np.random.default_rng(0).uniform(-8, -2, 50_000)).astype(np.float32)
    histogram = score_histogram(score, num_bins=30)
    logarithm = np.log10(score)
    for number in range(1, 29):  # but the first, which takes all below, and the last
        low, high = histogram.edges[number : number + 2]
        inside = int(((logarithm >= low) & (logarithm < high)).sum())
        assert abs(histogram.counts[number] - inside) <= 3  # single precision at the edges
    np.testing.assert_allclose(np.diff(histogram.edges), np.diff(histogram.edges)[0], rtol=1e-4)


def test_a_few_tiny_scores_do_not_stretch_the_axis():
    score = np.full(100_000, 1e-5, np.float32)
    score[::2] = 1e-3
    score[:10] = 1e-38
    assert score_histogram(score).edges[0] > -6


def test_nothing_but_zeros_is_not_an_error():
    histogram = score_histogram(np.zeros(5, np.float32))
    assert histogram.share_zero == 1
    assert histogram.counts.sum() == 0


@example(np.float32([-1e-45, 0]))
@example(np.float32([-1, np.nextafter(np.float32(-1), np.float32(0))]))
@given(hnp.arrays(np.float32, st.integers(1, 300), elements=st.floats(-1, 1, width=32)))
def test_of_signed_scores_every_connection_is_in_a_bin(score):
    histogram = score_histogram(score)
    assert histogram.is_log == (score.min() >= 0)
    assert histogram.num_zero == int((score == 0).sum())
    assert int(histogram.counts.sum()) == score.size - histogram.is_log * histogram.num_zero
    assert (np.diff(histogram.edges) > 0).all()


def test_bins_of_signed_scores_hold_what_lies_between_their_edges():
    score = np.random.default_rng(0).normal(size=50_000).astype(np.float32)
    histogram = score_histogram(score, num_bins=20)
    for number in range(1, 19):
        low, high = histogram.edges[number : number + 2]
        inside = int(((score >= low) & (score < high)).sum())
        assert abs(histogram.counts[number] - inside) <= 3


@pytest.mark.parametrize("score", [np.float32([1e-6, 1e-3, 1]), np.float32([-2, -1e-3, 0, 5])])
def test_places_on_the_axis_and_scores_belong_together(score):
    histogram = score_histogram(score)
    for value in score[1:-1]:
        assert histogram.score_at(histogram.to_place(value)) == pytest.approx(value)
