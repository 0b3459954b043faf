from __future__ import annotations

import numpy as np
import pytest

from snip_gui.core.comparing.state_names import (
    class_words,
    name_states,
    state_parts,
)
from snip_gui.core.recipe.methods import RandomMask, SignedGradient, Snip
from snip_gui.core.recipe.recipe import Draw, ModelChoice, Picked, Recipe

DIGITS = [str(n) for n in range(10)]


RECIPE = Recipe()


def parts(recipe=RECIPE, sparsity=0.9, classes="class 8", number=100):
    return state_parts(recipe, sparsity, classes, number)


def test_one_state_is_named_by_its_classes_and_its_sparsity():
    assert name_states([parts()]) == ["class 8, 90%"]


def test_states_are_named_by_how_they_differ():
    assert name_states([parts(), parts(Recipe(seed=3), 0.98)]) == [
        "class 8, seed 0, 90%",
        "class 8, seed 3, 98%",
    ]
    named = name_states(
        [
            parts(),
            parts(Recipe(model=ModelChoice(init="he"))),
            parts(Recipe(model=ModelChoice(name="lenet-5-caffe")), classes="all classes"),
        ]
    )
    assert named == [
        "LeNet-300-100, class 8, Variance scaling, 90%",
        "LeNet-300-100, class 8, He, 90%",
        "LeNet-5-Caffe, all classes, Variance scaling, 90%",
    ]


def test_methods_draws_and_numbers_distinguish_runs():
    named = name_states(
        [
            parts(Recipe(pruning=RandomMask())),
            parts(Recipe(minibatch=Draw(seed=2)), number=99),
            parts(
                Recipe(minibatch=Picked(indices=(1, 2)), pruning=Snip(scoring_mode="training")),
                number=1,
            ),
        ]
    )
    assert named == [
        "class 8, 100 images, minibatch seed 0, Random mask, 90%",
        "class 8, 99 images, minibatch seed 2, SNIP, 90%",
        "class 8, 1 image, picked, SNIP, BatchNorm in training mode, 90%",
    ]


def test_methods_are_called_what_the_form_calls_them():
    named = name_states([parts(), parts(Recipe(pruning=SignedGradient()))])
    assert named == ["class 8, SNIP, 90%", "class 8, Signed gradient, 90%"]


def test_equal_names_are_numbered():
    assert name_states([parts(), parts(), parts(sparsity=0.5)]) == [
        "class 8, 90% (1)",
        "class 8, 90% (2)",
        "class 8, 50%",
    ]
    assert name_states([]) == []


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ([8, 8], "class 8"),
        ([3, 8, 3], "classes 3, 8"),
        ([0, 1, 2, 3], "4 classes"),
        (list(range(10)), "all classes"),
    ],
)
def test_classes_in_words(labels, words):
    assert class_words(np.array(labels), DIGITS) == words
