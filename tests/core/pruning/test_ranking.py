from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.machine import spilling
from snip_gui.core.graph.layout import Layout, TensorSpec, num_kept_at
from snip_gui.core.pruning import ranking as ranking_module
from snip_gui.core.pruning.ranking import NotFiniteScoreError, rank_scores
from tests.core.toys import layout_of

LAYOUT = layout_of((3, 4), (3,), (2, 3, 2, 1))
M = LAYOUT.num_parameters

any_scores = hnp.arrays(
    np.float32,
    M,
    elements=st.one_of(
        st.sampled_from([0.0, -0.0, 1e-45, 1e-40, 0.25, 0.5, 1.0]),  # ties, zeros, subnormals
        st.floats(0, 1, width=32),
        st.floats(-(2.0**100), 2.0**100, width=32),
        st.sampled_from([-1e-45, -0.25, -1.0]),
    ),
)


def brute_order(score_M):
    """Highest score first, ties to the lower flat index, by Python's sort."""
    return sorted(range(len(score_M)), key=lambda i: (-float(score_M[i]), i))


@given(any_scores)
def test_order_is_descending_with_ties_to_the_lower_index(score_M):
    ranking = rank_scores(score_M, LAYOUT)
    assert ranking.order_M.tolist() == brute_order(score_M)


@given(any_scores)
def test_order_and_ranks_are_inverse(score_M):
    ranking = rank_scores(score_M, LAYOUT)
    np.testing.assert_array_equal(ranking.rank_M[ranking.order_M], np.arange(M))
    np.testing.assert_array_equal(ranking.order_M[ranking.rank_M], np.arange(M))


@given(any_scores, st.integers(0, M))
def test_masks_keep_exactly_the_number_asked_for(score_M, num_kept):
    ranking = rank_scores(score_M, LAYOUT)
    masks = ranking.mask_at(num_kept)
    assert sum(int(mask.sum()) for mask in masks.values()) == num_kept
    assert {n: m.shape for n, m in masks.items()} == {t.name: t.shape for t in LAYOUT.tensors}
    kept = set(brute_order(score_M)[:num_kept])
    flat_M = np.concatenate([masks[t.name].ravel() for t in LAYOUT.tensors])
    assert set(np.flatnonzero(flat_M).tolist()) == kept


@given(any_scores, st.integers(0, M), st.integers(0, M))
def test_masks_are_nested(score_M, one, other):
    ranking = rank_scores(score_M, LAYOUT)
    small, large = ranking.mask_at(min(one, other)), ranking.mask_at(max(one, other))
    assert all((small[name] <= large[name]).all() for name in small)


@given(any_scores, st.integers(0, M))
def test_counts_are_the_sums_of_the_masks(score_M, num_kept):
    ranking = rank_scores(score_M, LAYOUT)
    masks = ranking.mask_at(num_kept)
    assert ranking.counts_at(num_kept) == {n: int(m.sum()) for n, m in masks.items()}


@given(any_scores, st.integers(1, M))
def test_threshold_separates_kept_from_removed(score_M, num_kept):
    ranking = rank_scores(score_M, LAYOUT)
    threshold = ranking.threshold_at(num_kept)
    kept_M = ranking.rank_M < num_kept
    assert ranking.score_M[kept_M].min() == threshold
    assert (ranking.score_M[~kept_M] <= threshold).all()


@pytest.mark.parametrize("num_kept", [1, 999, 5_000, 12_345, 19_999, 20_000])
def test_thousands_of_ties_and_zeros_do_not_change_the_number_kept(num_kept):
    # Where a threshold would keep every equal score, or remove it, the count would be off.
    rng = np.random.default_rng(0)
    score_M = rng.choice(np.float32([0, 0, 0, 0.1, 0.2, 0.3]), 20_000)
    layout = layout_of((100, 100), (50, 200))
    ranking = rank_scores(score_M, layout)
    assert sum(int(m.sum()) for m in ranking.mask_at(num_kept).values()) == num_kept
    assert sum(ranking.counts_at(num_kept).values()) == num_kept
    assert ranking.order_M.tolist() == brute_order(score_M)
    assert ranking.num_zero == int((score_M == 0).sum())
    assert ranking.num_positive == int((score_M > 0).sum())


def test_equal_scores_are_kept_in_index_order():
    ranking = rank_scores(np.full(M, 1 / M, np.float32), LAYOUT)
    np.testing.assert_array_equal(ranking.rank_M, np.arange(M))


def test_threshold_of_nothing_is_infinite():
    assert rank_scores(np.ones(M, np.float32), LAYOUT).threshold_at(0) == float("inf")


def test_a_connection_leaves_at_the_sparsity_said():
    ranking = rank_scores(np.arange(M, dtype=np.float32), LAYOUT)
    for tensor in LAYOUT.tensors:
        for position, leaves in np.ndenumerate(ranking.removal(tensor)):
            num_kept = num_kept_at(leaves, M)
            assert not ranking.keeps(tensor, position, num_kept)
            assert ranking.keeps(tensor, position, num_kept + 1)


def test_a_ranking_can_keep_any_number():
    ranking = rank_scores(np.ones(M, np.float32), LAYOUT)
    assert [ranking.nearest(number) for number in (-1, 0, 1, M, M + 1)] == [0, 0, 1, M, M]


def test_the_scores_given_are_neither_changed_nor_frozen():
    score_M = np.linspace(1, 0, M, dtype=np.float32)
    before = score_M.copy()
    rank_scores(score_M, LAYOUT)
    np.testing.assert_array_equal(score_M, before)
    score_M[0] = 2  # still writable


def test_arrays_are_read_only():
    ranking = rank_scores(np.ones(M, np.float32), LAYOUT)
    for array in (ranking.score_M, ranking.rank_M, ranking.order_M):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_score_that_is_not_finite_is_refused_by_name(bad):
    score_M = np.ones(M, np.float32)
    score_M[13] = bad  # in the second tensor
    with pytest.raises(UserError, match=r"t1\.weight"):
        rank_scores(score_M, LAYOUT)


@given(any_scores)
def test_connections_kept_by_index_order_are_counted(score_M):
    ranking = rank_scores(score_M, LAYOUT)
    for num_kept in range(M + 1):
        kept_M = ranking.rank_M < num_kept
        kept, removed = (int((score_M[part] == 0).sum()) for part in (kept_M, ~kept_M))
        assert ranking.num_arbitrary(num_kept) == (kept if kept and removed else 0)


def test_a_wrong_number_of_scores_is_refused():
    with pytest.raises(ValueError, match="scores"):
        rank_scores(np.ones(M + 1, np.float32), LAYOUT)


@pytest.mark.parametrize("floor", [1, 3, 1000])
def test_a_floor_keeps_the_best_of_every_tensor_first(floor):
    layout = Layout(
        (
            TensorSpec("a.weight", "a", "linear", (4, 5), 0),
            TensorSpec("a.bias", "a", "linear", (4,), 20),
            TensorSpec("b.weight", "b", "linear", (2, 4), 24),
        )
    )
    score = np.linspace(1, 0, 32, dtype=np.float32)
    score[24:] *= 1e-3  # the second layer would be emptied
    plain, floored = rank_scores(score, layout), rank_scores(score, layout, floor=floor)
    assert plain.counts_at(8)["b.weight"] == 0
    promised = {"a.weight": min(floor, 20), "b.weight": min(floor, 8)}
    counts = floored.counts_at(sum(promised.values()))
    assert {name: counts[name] for name in promised} == promised
    assert counts["a.bias"] == 0
    assert sum(floored.counts_at(10).values()) == 10
    kept = np.flatnonzero(floored.mask_at(sum(promised.values()))["b.weight"].ravel())
    assert kept.tolist() == list(range(min(floor, 8)))
    np.testing.assert_array_equal(np.sort(floored.rank_M), np.arange(32))


def test_without_a_floor_the_ranking_is_as_published():
    layout = Layout((TensorSpec("a.weight", "a", "linear", (4, 5), 0),))
    score = np.random.default_rng(0).random(20, dtype=np.float32)
    np.testing.assert_array_equal(
        rank_scores(score, layout).rank_M, rank_scores(score, layout, floor=0).rank_M
    )


@pytest.mark.parametrize("value", [1e39, -1e300, np.inf, np.nan])
def test_scores_that_single_precision_cannot_hold_are_refused(value):
    layout = layout_of((3,), (2,))
    score_M = np.ones(5)
    score_M[4] = value
    with pytest.raises(NotFiniteScoreError, match=r"t1\.weight"):
        rank_scores(score_M, layout)


def test_a_large_ranking_is_made_in_parts_and_partly_kept_on_disk(monkeypatch, tmp_path):
    score_M = np.random.default_rng(0).normal(size=M).astype(np.float32)
    score_M[::3] = 0
    whole = rank_scores(score_M, LAYOUT)
    monkeypatch.setattr(ranking_module, "_AT_ONCE", 5)
    monkeypatch.setattr(spilling, "MOST_BYTES", 0)
    monkeypatch.setattr(spilling.platformdirs, "user_cache_dir", lambda *_arguments: tmp_path)
    parts = rank_scores(score_M, LAYOUT)
    assert whole.order_M.tolist() == parts.order_M.tolist() == brute_order(score_M)
    np.testing.assert_array_equal(parts.rank_M, whole.rank_M)
    assert parts.threshold_at(7) == whole.threshold_at(7)
    assert parts.rank_at(0.25) == whole.rank_at(0.25)
