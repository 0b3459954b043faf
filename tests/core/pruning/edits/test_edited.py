from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.errors import UserError
from snip_gui.core.base.events import run_to_end
from snip_gui.core.methods.scoring import prune
from snip_gui.core.pruning.edits.edited import edit_ranking, refuse_conflict, with_edits
from snip_gui.core.pruning.edits.regions import connection_targets, pixel_targets
from snip_gui.core.pruning.edits.resolving import FREE, KEPT, REMOVED
from snip_gui.core.pruning.ranking import rank_scores
from snip_gui.core.recipe.edits import parse_edit
from snip_gui.core.recipe.methods import METHODS, IterativeSnip, Snip
from snip_gui.core.recipe.recipe import Draw, ModelChoice, Recipe
from snip_gui.core.views.readout import connection_text
from tests.core.masks import SMALL, layout_named
from tests.core.methods.benches import flat_mask

LAYOUT = layout_named(SMALL)
M = LAYOUT.num_parameters


def edits(*texts):
    return tuple(map(parse_edit, texts))


@given(
    st.lists(st.integers(0, 3), min_size=M, max_size=M),
    st.lists(st.sampled_from((FREE, KEPT, REMOVED)), min_size=M, max_size=M),
    st.integers(0, M),
)
def test_masks_keep_exactly_the_number_and_edits_first(score, state, num_kept):
    score_M, state_M = np.array(score, np.float32), np.array(state, np.uint8)
    plain = rank_scores(score_M, LAYOUT)
    ranking = edit_ranking(plain, state_M)
    mask_M = flat_mask(ranking, num_kept)
    assert mask_M.sum() == num_kept == sum(ranking.counts_at(num_kept).values())
    holds = (state_M == KEPT).sum() <= num_kept <= M - (state_M == REMOVED).sum()
    assert holds == (ranking.find_conflict(num_kept) is None)
    if holds:
        assert mask_M[state_M == KEPT].all()
        assert not mask_M[state_M == REMOVED].any()
    # Connections without edits are kept in the order of their scores, ties to the lower index.
    free = [index for index in plain.order_M if state_M[index] == FREE]
    kept = mask_M[free]
    assert not (np.diff(kept.astype(int)) > 0).any()


def test_conflicts_name_both_numbers():
    score_M = np.arange(M, dtype=np.float32)
    state_M = np.zeros(M, np.uint8)
    state_M[:7], state_M[7:12] = KEPT, REMOVED
    ranking = edit_ranking(rank_scores(score_M, LAYOUT), state_M)
    assert ranking.find_conflict(7) is None
    error = ranking.find_conflict(6)
    assert "keep 7 connections by hand, but the mask keeps only 6" in error.message
    assert ranking.find_conflict(M - 5) is None
    error = ranking.find_conflict(M - 4)
    assert "remove 5 connections by hand, but the mask removes only 4" in error.message


def test_zeros_that_are_kept_by_index_are_counted_among_the_free_ones():
    score_M = np.zeros(M, np.float32)
    score_M[:4] = 1
    state_M = np.zeros(M, np.uint8)
    state_M[[0, 10]] = KEPT
    state_M[11] = REMOVED
    ranking = edit_ranking(rank_scores(score_M, LAYOUT), state_M)
    assert ranking.num_arbitrary(5) == 0  # two by hand, three with positive scores
    assert ranking.num_arbitrary(8) == 3
    assert ranking.num_arbitrary(M - 1) == 0


def scored(make_bench, pruning, model="lenet-300-100"):
    recipe = Recipe(
        model=ModelChoice(name=model), minibatch=Draw(classes=(8,), size=10), pruning=pruning
    )
    bench = make_bench(recipe)
    return run_to_end(prune(bench, CancelToken())), bench.images


@pytest.mark.parametrize("spec", [Snip, IterativeSnip])
def test_a_recipe_with_edits_gives_the_edited_mask_of_the_same_scores(make_bench, spec):
    plain, images = scored(make_bench, spec())
    chosen = edits("remove dead pixels", "keep fc2.weight[0:3]", "remove units fc1[5]")
    found, _ = scored(make_bench, spec(edits=chosen))
    assert np.array_equal(plain.masks.scores, found.masks.scores)
    assert plain.key != found.key
    again = with_edits(plain, chosen, images)
    assert again.key == found.key
    assert np.array_equal(again.masks.rank_M, found.masks.rank_M)
    number = found.num_kept_at(0.9)
    masks = found.masks.mask_at(number)
    assert sum(mask.sum() for mask in masks.values()) == number
    assert masks["fc2.weight"][0:3].all()
    assert not masks["fc1.weight"][5].any()
    assert not masks["fc1.bias"][5]


def test_the_readout_of_a_connection_says_that_it_was_edited(make_bench):
    chosen = edits("remove units fc1[5]", "keep fc2.weight[0:3]")
    found, _ = scored(make_bench, Snip(edits=chosen))
    number = found.num_kept_at(0.9)
    texts = {
        state: connection_text(found, found.layout[name], position, number)
        for state, name, position in (
            ("removed by hand", "fc1.weight", (5, 400)),
            ("kept by hand", "fc2.weight", (0, 0)),
            ("removed,", "fc1.weight", (6, 0)),
        )
    }
    assert all(state in text for state, text in texts.items())


def test_taking_back_all_edits_restores_the_mask_bit_for_bit(make_bench):
    plain, images = scored(make_bench, Snip())
    one = with_edits(plain, edits("remove units fc1[0:100]"), images)
    two = with_edits(one, edits("keep fc3.weight"), images)
    assert not np.array_equal(two.masks.get_ranks(plain.layout["fc1.weight"]),
                              one.masks.get_ranks(plain.layout["fc1.weight"]))  # fmt: skip
    back = with_edits(two, (), images)
    assert back.masks is plain.masks
    assert back.key == plain.key


def test_a_conflict_is_refused_at_the_sparsity_of_a_run_only(make_bench):
    found, _ = scored(make_bench, Snip(edits=edits("keep fc2.weight"), sparsity=0.5))
    refuse_conflict(found, 0.5)
    with pytest.raises(UserError, match=r"keep 30,000 connections by hand.* keeps only 26,661"):
        refuse_conflict(found, 0.9)
    assert "30,000" in found.mask_note(0.9)
    assert not found.mask_note(0.5)


@pytest.mark.parametrize(
    "name", [method.name for method in METHODS if method.masks_for == "training"]
)
def test_methods_that_move_their_masks_refuse_edits(make_bench, name):
    pruning = msgspec.structs.replace(METHODS[name].spec(), edits=edits("keep fc1.bias"))
    with pytest.raises(UserError, match="chooses its masks while it trains"):
        scored(make_bench, pruning)


def test_masks_of_whole_units_refuse_edits(make_bench):
    pruning = Snip(granularity="filter", edits=edits("keep fc1.bias"))
    with pytest.raises(UserError, match="do not follow from a ranking of single connections"):
        scored(make_bench, pruning)


def test_a_network_that_begins_with_convolutions_offers_kernels_and_no_pixels(make_bench):
    found, images = scored(make_bench, Snip(), "lenet-5-caffe")
    assert pixel_targets(found, 3, 4, None) == ()
    targets = connection_targets(found, found.layout["conv2.weight"], (7, 3, 1, 2))
    by_label = {target.label: str(target.edit) for target in targets}
    assert by_label["kernel from 3 to 7"] == "keep conv2.weight[7, 3]"
    assert by_label["connection [7, 3, 1, 2]"] == "keep conv2.weight[7, 3, 1, 2]"
    edited = with_edits(found, tuple(target.edit for target in targets), images)
    assert edited.masks.mask_at(edited.masks.num_edited_kept)["conv2.weight"].all()
