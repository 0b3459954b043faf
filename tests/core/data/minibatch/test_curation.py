from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snip_gui.core.base.errors import UserError
from snip_gui.core.data.images.image_set import mean_image
from snip_gui.core.data.minibatch.curation import (
    class_choice,
    class_counts,
    class_positions,
    draw_images,
    draw_per_class,
    minibatch_indices,
    split_training,
)
from snip_gui.core.recipe.recipe import Draw, Picked, Recipe

LABELS = np.random.default_rng(0).integers(0, 5, 400)
CLASSES = tuple("abcde")
SPLIT = split_training(LABELS, 0.1, 0)

labels_of_any_kind = st.lists(st.integers(0, 6), min_size=1, max_size=80).map(np.array)


@given(labels_of_any_kind, st.floats(0, 0.5), st.integers(0, 5))
def test_split_holds_out_the_exact_number_of_each_class_in_proportion(labels, fraction, seed):
    split = split_training(labels, fraction, seed)
    held_out, rest = split.validation_indices, split.train_indices
    assert len(held_out) == round(len(labels) * fraction)
    np.testing.assert_array_equal(np.sort(np.concatenate([held_out, rest])), np.arange(len(labels)))
    for label in np.unique(labels):
        exact = (labels == label).sum() * fraction
        assert abs((labels[held_out] == label).sum() - exact) < 1 + 1e-9


def test_split_of_sixty_thousand_holds_out_six_thousand():
    labels = np.random.default_rng(1).integers(0, 10, 60_000)
    assert len(split_training(labels, 0.1, 3).validation_indices) == 6_000


def test_split_is_stable_and_follows_the_seed():
    again = split_training(LABELS, 0.1, 0)
    np.testing.assert_array_equal(again.validation_indices, SPLIT.validation_indices)
    other = split_training(LABELS, 0.1, 1)
    assert not np.array_equal(other.validation_indices, SPLIT.validation_indices)


def test_split_is_ascending_and_read_only():
    for indices in (SPLIT.train_indices, SPLIT.validation_indices):
        assert (np.diff(indices) > 0).all()
        with pytest.raises(ValueError, match="read-only"):
            indices[0] = 1


def test_without_a_validation_split_it_trains_on_everything():
    split = split_training(LABELS, 0, 0)
    assert len(split.validation_indices) == 0
    assert len(split.train_indices) == len(LABELS)


@given(
    st.sets(st.integers(0, 4), max_size=4), st.integers(1, 40), st.integers(0, 9), st.integers(0, 3)
)
def test_draws_are_of_the_classes_without_repetition_or_validation_images(
    classes, size, draw, seed
):
    recipe = Recipe(minibatch=Draw(classes=tuple(classes), size=size, seed=draw), seed=seed)
    split = split_training(LABELS, 0.1, seed)
    indices = minibatch_indices(recipe, LABELS, CLASSES, split)
    assert len(indices) == size
    assert (np.diff(indices) > 0).all()  # ascending, so no repetition
    assert not np.isin(indices, split.validation_indices).any()
    assert set(LABELS[indices].tolist()) <= (classes or set(range(5)))


def test_every_training_image_can_be_drawn():
    draw = Draw(size=len(SPLIT.train_indices))
    indices = draw_images(LABELS, CLASSES, SPLIT.train_indices, draw, 0)
    np.testing.assert_array_equal(indices, SPLIT.train_indices)


def test_another_draw_or_seed_gives_other_images():
    drawn = [
        draw_images(LABELS, CLASSES, SPLIT.train_indices, Draw(size=50, seed=number), seed).tolist()
        for number, seed in ((0, 0), (1, 0), (0, 1), (0, 0))
    ]
    assert drawn[0] == drawn[3]
    assert drawn[0] != drawn[1]
    assert drawn[0] != drawn[2]


def test_a_class_that_does_not_exist_is_refused():
    with pytest.raises(UserError, match="no class “#7”") as caught:
        draw_images(LABELS, CLASSES, SPLIT.train_indices, Draw(classes=(1, 7), size=5), 0)
    assert caught.value.field == "minibatch.classes"
    assert "#0 to #4" in caught.value.hint


# Classes by name and by position, of folders 1 to 11 as they are sorted
NUMBERED = ("1", "10", "11", "2", "3", "café", "猫", "#2")


@pytest.mark.parametrize(
    ("chosen", "positions"),
    [
        ((), ()),
        (("2",), (3,)),
        (("猫", "1"), (6, 0)),
        (("cafe\u0301",), (5,)),  # as macOS writes it
        ((2, 7), (2, 7)),
        (("#3",), (3,)),
        (("#2",), (7,)),  # a name first
    ],
)
def test_classes_are_names_first_and_positions_else(chosen, positions):
    assert class_positions(chosen, NUMBERED) == positions


@pytest.mark.parametrize("choice", ["4", "#8", "#", "#-1", "#²", "cat", "", 8, 10**30])
def test_a_class_that_does_not_exist_is_named_with_those_that_do(choice):
    with pytest.raises(UserError) as caught:
        class_positions((choice,), NUMBERED)
    assert str(choice) in caught.value.message
    assert "“1”, “2”, “3”, “10”" in caught.value.hint
    assert "#0 to #7" in caught.value.hint


def test_a_name_of_several_classes_is_refused_with_their_positions():
    with pytest.raises(UserError, match=r"2 classes .* named “crane”") as caught:
        class_positions(("crane",), ("crane", "dog", "crane"))
    assert "#0, #2" in caught.value.hint


@given(st.lists(st.sampled_from(["a", "b", "é", "e\u0301", "#1", "1"]), min_size=1, max_size=5))
def test_what_is_written_for_a_class_means_that_class(classes):
    for position in range(len(classes)):
        assert class_positions((class_choice(position, classes),), classes) == (position,)


def test_a_draw_by_name_is_that_by_position():
    drawn = [
        draw_images(LABELS, NUMBERED, SPLIT.train_indices, Draw(classes=one, size=9), 0).tolist()
        for one in (("2",), ("#3",), (3,))
    ]
    assert drawn[0] == drawn[1] == drawn[2]
    assert set(LABELS[drawn[0]]) == {3}


@pytest.mark.parametrize("classes", [(), (2,)])
def test_more_images_than_there_are_is_refused_with_the_number(classes):
    there = np.isin(LABELS[SPLIT.train_indices], classes or range(5)).sum()
    draw = Draw(classes=classes, size=int(there) + 1)
    with pytest.raises(UserError, match=f"only {there} ") as caught:
        draw_images(LABELS, CLASSES, SPLIT.train_indices, draw, 0)
    assert caught.value.field == "minibatch.size"
    assert caught.value.proposal == there


@given(st.permutations([3, 17, 250, 399, 3]))
def test_picked_images_are_taken_once_whatever_their_order(indices):
    recipe = Recipe(minibatch=Picked(indices=tuple(indices)))
    assert minibatch_indices(recipe, LABELS, CLASSES, SPLIT).tolist() == [3, 17, 250, 399]


def test_picking_nothing_is_refused():
    with pytest.raises(UserError, match="empty") as caught:
        minibatch_indices(Recipe(minibatch=Picked(indices=())), LABELS, CLASSES, SPLIT)
    assert caught.value.field == "minibatch"


@pytest.mark.parametrize("index", [400, 10**30])
def test_picking_an_image_that_does_not_exist_is_refused(index):
    with pytest.raises(UserError, match=f"image {index:,}") as caught:
        minibatch_indices(Recipe(minibatch=Picked(indices=(0, index))), LABELS, CLASSES, SPLIT)
    assert caught.value.field == "minibatch.indices"


def test_drawing_per_class_balances_as_far_as_it_can():
    labels = np.array([0] * 10 + [1] * 3 + [2] * 10)
    indices = draw_per_class(labels, np.arange(23), 5, 0)
    assert np.bincount(labels[indices]).tolist() == [5, 3, 5]
    assert (np.diff(indices) > 0).all()
    assert not np.array_equal(indices, draw_per_class(labels, np.arange(23), 5, 1))
    candidates = np.array([0, 1, 2, 22])
    assert set(draw_per_class(labels, candidates, 5, 0).tolist()) == set(candidates.tolist())


def test_class_counts_have_a_place_for_every_class():
    assert class_counts(np.array([2, 0, 2]), 5).tolist() == [1, 0, 2, 0, 0]
    assert class_counts(np.array([], np.int64), 3).tolist() == [0, 0, 0]


def test_mean_image_is_rounded_not_truncated():
    images = np.array([[[[0, 200]]], [[[1, 255]]], [[[1, 255]]]], np.uint8)
    assert mean_image(images).tolist() == [[[1, 237]]]  # 0.67 and 236.67
    assert mean_image(images[2:]).tolist() == [[[1, 255]]]
    assert mean_image(images[:0]).tolist() == [[[0, 0]]]
