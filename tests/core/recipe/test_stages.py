from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given

from snip_gui.core.recipe import stages
from snip_gui.core.recipe.fields import all_fields
from snip_gui.core.recipe.json import decode_recipe, encode_recipe, with_value
from snip_gui.core.recipe.methods import METHODS, RandomMask
from snip_gui.core.recipe.recipe import Picked, Recipe, Training
from snip_gui.core.recipe.stages import Stage, stage_keys
from tests.core.recipes import recipe_with, recipes

# The first stage whose result a change of the field changes.
FIRST_STALE = {
    "seed": Stage.BUILD,
    "model.name": Stage.BUILD,
    "model.init": Stage.BUILD,
    "model.file": Stage.BUILD,
    "model.symbol": Stage.BUILD,
    "model.weights": Stage.BUILD,
    "model.weights_key": Stage.BUILD,
    "model.input_size": Stage.BUILD,
    "data.name": Stage.BUILD,
    "data.image_size": Stage.BUILD,
    "data.skip_unreadable": Stage.BUILD,
    "data.validation_fraction": Stage.BUILD,
    "minibatch.classes": Stage.SCORE,
    "minibatch.size": Stage.SCORE,
    "minibatch.seed": Stage.SCORE,
    "pruning.prunable": Stage.SCORE,
    "pruning.exclude": Stage.SCORE,
    "pruning.scoring_mode": Stage.SCORE,
    "pruning.sparsity": Stage.PRUNE,
    "pruning.after": Stage.TRAIN,
    "pruning.floor": Stage.SCORE,
    "pruning.temperature": Stage.SCORE,
    "pruning.samples_per_class": Stage.SCORE,
    "pruning.batches": Stage.SCORE,
    "pruning.score_rounds": Stage.SCORE,
    "pruning.levels": Stage.SCORE,
    "pruning.granularity": Stage.SCORE,
    "pruning.gather": Stage.SCORE,
    "pruning.draws": Stage.SCORE,
    "pruning.perturbation": Stage.SCORE,
    "pruning.inner_steps": Stage.SCORE,
    "pruning.inner_rate": Stage.SCORE,
    "pruning.ratios": Stage.SCORE,
    "pruning.quality": Stage.SCORE,
    "pruning.rounds": Stage.TRAIN,
    "pruning.retrain_epochs": Stage.TRAIN,
    "pruning.retrain_rate": Stage.TRAIN,
    **dict.fromkeys(
        (
            "pruning.c_rate",
            "pruning.surgery_epochs",
            "pruning.splice_steps",
            "pruning.gamma",
            "pruning.power",
            "pruning.l_steps",
            "pruning.l_epochs",
            "pruning.mu",
            "pruning.mu_growth",
            "pruning.l1",
            "pruning.lower_dropout",
            "pruning.drop_units",
            "pruning.kept",
            "pruning.damping",
            "pruning.downdate",
            "pruning.log_alpha",
            "pruning.kl_weight",
            "pruning.ramp_start",
            "pruning.ramp_epochs",
            "pruning.l0_weight",
        ),
        Stage.TRAIN,
    ),
    "training.epochs": Stage.TRAIN,
    "training.batch_size": Stage.TRAIN,
    "training.learning_rate": Stage.TRAIN,
    "training.momentum": Stage.TRAIN,
    "training.weight_decay": Stage.TRAIN,
    "training.decay_at": Stage.TRAIN,
    "training.decay_factor": Stage.TRAIN,
    "training.shrink": Stage.TRAIN,
    "training.optimizer": Stage.TRAIN,
    "training.schedule": Stage.TRAIN,
    "training.augmentation": Stage.TRAIN,
    "training.labels": Stage.TRAIN,
    "training.precision": Stage.TRAIN,
    "training.added_epochs": Stage.TRAIN,
    "training.added_rate": Stage.TRAIN,
    "training.order": Stage.TRAIN,
}
OTHER = {
    "model.name": "lenet-5-caffe",
    "model.init": "he",
    "model.file": "net.py",
    "model.symbol": "Net",
    "model.weights": "weights.pt",
    "model.weights_key": "model_ema",
    "model.input_size": 64,
    "data.name": "mnist",
    "data.image_size": 48,
    "data.skip_unreadable": True,
    "minibatch.classes": (1,),
    "pruning.prunable": "weights",
    "pruning.exclude": ("fc3",),
    "pruning.scoring_mode": "training",
    "pruning.after": "redraw",
    "pruning.quality": (0.5,),
    "pruning.c_rate": (0.5,),
    "pruning.mu_growth": 1.5,
    "pruning.ratios": "snip",
    "pruning.granularity": "filter",
    "pruning.gather": "gate",
    "pruning.kept": (0.5,),
    "pruning.downdate": False,
    "pruning.lower_dropout": True,
    "pruning.drop_units": True,
    "pruning.l0_weight": (0.5,),
    "training.decay_at": (0.25,),
    "training.shrink": False,
    "training.optimizer": "adamw",
    "training.schedule": "cosine",
    "training.augmentation": "shift",
    "training.labels": "shuffled",
    "training.precision": "bfloat16",
}
WHOLE_NUMBERS = [f.path for f in all_fields() if f.kind == "int" and f.path.count(".")]


def stale(before, after):
    one, other = stage_keys(before), stage_keys(after)
    return [stage for stage in Stage if one[stage] != other[stage]]


def from_stage(first):
    return [stage for stage in Stage if list(Stage).index(stage) >= list(Stage).index(first)]


def test_no_field_was_forgotten():
    assert set(FIRST_STALE) == {f.path for f in all_fields()} - {"minibatch.indices"}


@pytest.mark.parametrize(("path", "first"), FIRST_STALE.items())
def test_a_change_makes_its_stage_and_all_later_ones_stale(path, first):
    value = OTHER.get(path, 0.25 if "." in path else 3)
    if path in WHOLE_NUMBERS:
        value = 9
    before = recipe_with(path)
    after = with_value(before, path, value)
    assert after != before
    assert stale(before, after) == from_stage(first)


def test_picking_and_another_method_are_scored_again():
    picked = Recipe(minibatch=Picked(indices=(1, 2)))
    assert stale(Recipe(), picked) == from_stage(Stage.SCORE)
    assert stale(picked, Recipe(minibatch=Picked(indices=(1, 3)))) == from_stage(Stage.SCORE)
    assert stale(Recipe(), Recipe(pruning=RandomMask())) == from_stage(Stage.SCORE)


@given(recipes())
def test_keys_survive_saving_and_opening(recipe):
    assert stage_keys(decode_recipe(encode_recipe(recipe))) == stage_keys(recipe)


def test_stages_of_one_recipe_have_different_keys():
    assert len(set(stage_keys(Recipe()).values())) == len(Stage)


def test_digests_of_recipes_made_before_later_fields_hold():
    # Worked out before the fields of `ADDED_LATER` were there.
    recipe = Recipe(training=Training(epochs=3, learning_rate=0.05), seed=7)
    expected = {
        Recipe(): "674f6c689965949eb61b7efe292bb6e4dda0adfe11ac0e3d1fdf0e769b7038a9",
        recipe: "a2ad4eb9999bab490855223747302368266fbb6882595545e98ae783dfd9a8aa",
    }
    assert {one: stage_keys(one)[Stage.TRAIN] for one in expected} == expected


def test_masks_that_depend_on_more_are_stale_when_that_changes(monkeypatch):
    """As of a method that trains before it prunes."""
    method = dataclasses.replace(METHODS["snip"], depends_on=("training.epochs",))
    monkeypatch.setattr(stages, "find_method", lambda _pruning: method)
    after = with_value(Recipe(), "training.epochs", 3)
    assert stale(Recipe(), after) == from_stage(Stage.SCORE)
    other = with_value(Recipe(), "training.batch_size", 3)
    assert stale(Recipe(), other) == from_stage(Stage.TRAIN)
