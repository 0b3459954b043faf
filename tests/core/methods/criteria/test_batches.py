"""SNIP accumulated over several minibatches."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from snip_gui.core.base.errors import UserError
from snip_gui.core.recipe.json import decode_recipe, encode_recipe
from snip_gui.core.recipe.methods import Force, IterativeSnip, Snip
from snip_gui.core.recipe.recipe import DataChoice, Draw, Picked, Recipe
from snip_gui.core.recipe.stages import Stage, stage_keys
from tests.core.methods.benches import pruned_with

LESS = DataChoice(validation_fraction=0.5)


def recipe_of(batches, size=20):
    return Recipe(data=LESS, minibatch=Draw(size=size), pruning=Snip(batches=batches))


@pytest.mark.parametrize("batches", [3, 0])
def test_signed_gradients_are_summed_before_the_absolute_value(make_bench, batches):
    bench = make_bench(recipe_of(batches))
    scores_M = pruned_with(bench).score_M
    indices = bench.minibatch_indices_K
    everything = bench.split.train_indices
    assert len(indices) == (60 if batches else len(everything))
    assert set(indices) <= set(everything)
    assert len(set(indices)) == len(indices)
    model = bench.model.double().eval()
    sums = [torch.zeros_like(parameter) for parameter in bench.prunable.parameters]
    for part in range(0, len(indices), 20):
        inputs, labels = bench.batches("train", indices[part : part + 20]).batch(slice(None))
        loss = cross_entropy(model(inputs.double()), labels, reduction="sum")
        for total, gradient in zip(
            sums, torch.autograd.grad(loss, bench.prunable.parameters), strict=True
        ):
            total += gradient
    products = [p * g for p, g in zip(bench.prunable.parameters, sums, strict=True)]
    expected = torch.cat([product.abs().reshape(-1) for product in products]).detach().numpy()
    np.testing.assert_allclose(scores_M, expected / expected.sum(), rtol=2e-3, atol=1e-9)


def test_several_minibatches_are_drawn_like_a_large_one(make_bench):
    several = make_bench(recipe_of(3)).minibatch_indices_K
    large = make_bench(recipe_of(1, size=60)).minibatch_indices_K
    np.testing.assert_array_equal(several, large)


def test_all_means_the_images_of_the_chosen_classes(make_bench):
    recipe = recipe_of(0)
    recipe = msgspec.structs.replace(recipe, minibatch=Draw(size=20, classes=(3, 8)))
    bench = make_bench(recipe)
    assert set(bench.minibatch.labels_K.tolist()) == {3, 8}
    labels = bench.images.train_labels_N[bench.split.train_indices]
    assert len(bench.minibatch_indices_K) == np.isin(labels, (3, 8)).sum()


def test_too_many_minibatches_and_picked_images_are_refused(make_bench):
    with pytest.raises(UserError, match="20,000 images were requested") as caught:
        _ = make_bench(recipe_of(1000)).minibatch_indices_K
    assert caught.value.field == "minibatch.size"
    picked = Recipe(minibatch=Picked(indices=(1, 2)), pruning=Snip(batches=2))
    with pytest.raises(UserError, match="picked by hand") as caught:
        _ = make_bench(picked).minibatch_indices_K
    assert caught.value.field == "minibatch"


def test_the_digest_of_one_minibatch_is_that_of_recipes_without_the_setting():
    text = encode_recipe(Recipe())
    assert '"batches": 1' in text
    old = decode_recipe(text.replace('    "batches": 1,\n', "").replace(',\n    "batches": 1', ""))
    assert old == Recipe()
    # The digest before there was the setting.
    assert stage_keys(Recipe())[Stage.SCORE].startswith("3571375a42f6d195")
    digests = {stage_keys(recipe_of(number))[Stage.SCORE] for number in (0, 1, 2)}
    assert len(digests) == 3


@pytest.mark.parametrize("spec", [Snip(batches=0), Force(batches=5), IterativeSnip(batches=2)])
def test_a_minibatch_of_another_size_is_a_single_one(spec):
    assert spec.for_minibatch().batches == 1
