from __future__ import annotations

import pytest

from snip_gui.core.base.errors import UserError
from snip_gui.core.data.minibatch.curation import minibatch_indices, split_training
from snip_gui.core.recipe.recipe import Draw, OwnImage, Picked, Recipe
from snip_gui.core.studies.overlaps.leave_one_out import LeaveOneOutStudy, leave_one_out
from snip_gui.core.studies.overlaps.masks import Item
from tests.core.studies.overlaps.toys import jaccard, kept_set, toy

CLASSES = tuple("0123456789")


def indices_of(recipe, digits):
    labels = digits.train_labels_N
    split = split_training(labels, recipe.data.validation_fraction, recipe.seed)
    return minibatch_indices(recipe, labels, digits.classes, split)


def test_each_image_is_left_out_once(digits):
    recipe = Recipe(minibatch=Draw(classes=(3, 8), size=7))
    study = leave_one_out(recipe, digits.train_labels_N, digits.classes)
    everything = set(indices_of(recipe, digits))
    whole, *rest = study.items
    assert whole.recipe == recipe
    assert set(study.indices) == everything
    for index, item in zip(study.indices, rest, strict=True):
        assert set(indices_of(item.recipe, digits)) == everything - {index}
    names = [digits.classes[digits.train_labels_N[index]] for index in study.indices]
    assert list(study.classes) == names


def test_an_image_of_your_own_is_left_out_too(digits):
    own = OwnImage(digest="a" * 64, label=4)
    recipe = Recipe(minibatch=Picked(indices=(2, 9), images=(own,)))
    study = leave_one_out(recipe, digits.train_labels_N, digits.classes)
    kept = [(item.recipe.minibatch.indices, item.recipe.minibatch.images) for item in study.items]
    assert kept == [((2, 9), (own,)), ((9,), (own,)), ((2,), (own,)), ((2, 9), ())]
    assert study.classes[-1] == digits.classes[4]


def test_a_single_image_cannot_be_left_out(digits):
    recipe = Recipe(minibatch=Picked(indices=(2,)))
    with pytest.raises(UserError, match="would be empty"):
        leave_one_out(recipe, digits.train_labels_N, digits.classes)


@pytest.fixture
def study():
    return LeaveOneOutStudy((Item("", Recipe()),) * 4, (5, 17, 30), ("3", "8", "3"))


def test_images_are_sorted_by_how_far_they_move_the_mask(study):
    whole = toy(a=[1, 1, 1, 0, 0, 0], b=[1, 0, 0])
    others = [
        toy(a=[1, 1, 1, 0, 0, 0], b=[0, 1, 0]),
        toy(a=[0, 0, 1, 1, 1, 0], b=[1, 0, 0]),
        whole,
    ]
    answer = study.answer([whole, *others])
    assert [move.index for move in answer.moves] == [17, 5, 30]
    for move in answer.moves:
        mask = others[study.indices.index(move.index)]
        assert move.num_changed == len(kept_set(whole) ^ kept_set(mask))
        assert move.overlap == pytest.approx(jaccard(whole, mask))
    assert "Image #17 (class 8) moves the mask most" in answer.sentence
    assert "2 of 4 kept connections" in answer.sentence


def test_missing_masks_are_said_and_without_the_whole_there_is_no_answer(study):
    whole = toy(a=[1, 0])
    answer = study.answer([whole, None, toy(a=[0, 1]), None])
    assert [move.index for move in answer.moves] == [17]
    assert "2 masks could not be found" in answer.sentence
    for masks in ([None, whole, whole, whole], [whole, None, None, None]):
        with pytest.raises(UserError):
            study.answer(masks)
