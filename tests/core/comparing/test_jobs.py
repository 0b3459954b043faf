from __future__ import annotations

import numpy as np
import pytest

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.errors import Cancelled
from snip_gui.core.base.events import Progress
from snip_gui.core.comparing.frequency import StabilityMeasured
from snip_gui.core.comparing.jobs import measure_stability
from snip_gui.core.comparing.variations import vary
from snip_gui.core.data.minibatch.curation import minibatch_indices, split_training
from snip_gui.core.methods import scoring as jobs
from snip_gui.core.recipe.methods import Snip
from snip_gui.core.recipe.recipe import Draw, OwnImage, Picked, Recipe

CLASSES = tuple("0123456789")
RECIPE = Recipe(minibatch=Draw(classes=(8,), size=12), pruning=Snip(sparsity=0.98))
PICKED = Recipe(minibatch=Picked(indices=(3, 5, 7, 11)), seed=4)


def indices_of(recipe, labels):
    split = split_training(labels, recipe.data.validation_fraction, recipe.seed)
    return minibatch_indices(recipe, labels, CLASSES, split)


def test_other_draws_of_the_minibatch_leave_the_weights(digits):
    labels = digits.train_labels_N
    varied = vary(RECIPE, "images", 3, labels, CLASSES)
    assert {recipe.seed for recipe in varied} == {0}
    drawn = [set(indices_of(recipe, labels)) for recipe in (RECIPE, *varied)]
    assert all(a != b for n, a in enumerate(drawn) for b in drawn[:n])
    assert all(len(d) == 12 and set(labels[list(d)]) == {8} for d in drawn)


def test_other_weights_leave_the_images(digits):
    labels = digits.train_labels_N
    varied = vary(RECIPE, "weights", 3, labels, CLASSES)
    assert [recipe.seed for recipe in varied] == [1, 2, 3]
    for recipe in varied:
        np.testing.assert_array_equal(indices_of(recipe, labels), indices_of(RECIPE, labels))


def test_both_draw_both(digits):
    labels = digits.train_labels_N
    (varied,) = vary(RECIPE, "both", 1, labels, CLASSES)
    assert varied.seed == 1
    assert set(indices_of(varied, labels)) != set(indices_of(RECIPE, labels))


@pytest.mark.parametrize("what", ["images", "both"])
def test_for_picked_images_as_many_of_each_class_are_drawn(digits, what):
    labels = digits.train_labels_N
    varied = vary(PICKED, what, 3, labels, CLASSES)
    assert len({recipe.minibatch for recipe in varied}) == 3
    for recipe in varied:
        found = indices_of(recipe, labels)
        assert sorted(labels[found]) == sorted(labels[list(PICKED.minibatch.indices)])
    assert vary(PICKED, "weights", 1, labels, CLASSES)[0].minibatch == PICKED.minibatch


def test_images_of_ones_own_count_as_images_of_their_class(digits):
    own = OwnImage(digest="0" * 64, label=7)
    recipe = Recipe(minibatch=Picked(indices=(3, 5), images=(own,)))
    labels = digits.train_labels_N
    (varied,) = vary(recipe, "images", 1, labels, CLASSES)
    found = labels[indices_of(varied, labels)].tolist()
    assert sorted(found) == sorted([*labels[[3, 5]].tolist(), 7])
    assert vary(recipe, "weights", 1, labels, CLASSES)[0].minibatch == recipe.minibatch


def test_stability_counts_the_masks_that_scoring_gives(digits, environment):
    recipes = vary(RECIPE, "images", 3, digits.train_labels_N, CLASSES)
    *steps, done = measure_stability(recipes, environment, digits, CancelToken())
    assert isinstance(done, StabilityMeasured)
    times = np.zeros(266_610, int)
    for recipe in recipes:
        *_, scoring, _note = jobs.score_steps(recipe, environment, digits, CancelToken())
        times += scoring.scored.ranking.rank_M < 5_332
    np.testing.assert_array_equal(done.frequency.count_M, times)
    assert done.frequency.num_masks == 3
    assert done.frequency.overlap > done.frequency.chance
    assert {type(step) for step in steps} == {Progress}
    assert [step.done for step in steps] == sorted(step.done for step in steps)
    assert steps[-1].text == "Scoring repetition 3 of 3"
    assert "kept by all 3 masks" in done.frequency.summary
    assert f"{(times == 3).sum():,} connections" in done.frequency.summary


def test_stability_can_be_cancelled_between_draws(digits, environment):
    cancel = CancelToken()
    steps = measure_stability([RECIPE] * 5, environment, digits, cancel)
    assert next(steps).done == 0
    cancel.cancel()
    with pytest.raises(Cancelled):
        list(steps)
