from __future__ import annotations

import pytest

from snip_gui.core.base.errors import UserError
from snip_gui.core.models.catalogue import MODELS
from snip_gui.core.models.networks import find_network
from snip_gui.core.recipe.methods import Grasp, RandomMask, Snip
from snip_gui.core.recipe.presets import PRESETS, STABLE_RATE, about, with_optimizer, with_preset
from snip_gui.core.recipe.recipe import ModelChoice, Picked, Recipe, Training


def of(model, **rest):
    return Recipe(model=ModelChoice(name=model), **rest)


def preset_of(recipe, name):
    num_channels = find_network(recipe.model).num_channels
    return with_preset(recipe, name, num_channels=num_channels)


@pytest.mark.parametrize("name", PRESETS.names)
@pytest.mark.parametrize("model", [*MODELS.names, "torchvision:resnet18"])
def test_every_preset_suits_every_network_and_is_what_it_is_twice(name, model):
    once = preset_of(of(model), name)
    assert preset_of(once, name) == once != of(model)
    assert once.model.name == model


def test_the_papers_settings():
    mnist = preset_of(of("lenet-300-100", pruning=Snip(sparsity=0.98), seed=3), "paper")
    training = mnist.training
    steps = 540 * training.epochs
    assert 30_000 <= steps < 30_540
    assert round(training.decay_at[0] * steps) == 25_000
    assert (training.batch_size, training.learning_rate, training.momentum) == (100, 0.1, 0.9)
    assert (training.weight_decay, training.decay_factor) == (5e-4, 0.1)
    assert (mnist.pruning.sparsity, mnist.pruning.after, mnist.seed) == (0.98, "redraw", 3)
    cifar = preset_of(of("vgg-d"), "paper")
    steps = 352 * cifar.training.epochs
    assert [round(at * steps, -3) for at in cifar.training.decay_at] == [30e3, 60e3, 90e3, 120e3]
    assert (cifar.training.batch_size, cifar.minibatch.size) == (128, 128)
    assert cifar.training.augmentation == "flip-and-shift"


def test_the_deviation_of_lenet_5_is_made_and_said():
    for name in ("paper", "short", "random-labels"):
        recipe = preset_of(of("lenet-5-caffe"), name)
        assert recipe.training.learning_rate == STABLE_RATE
        assert "diverges" in about(PRESETS[name], recipe)
    assert preset_of(of("lenet-5-caffe"), "adam").training.learning_rate == 0.001
    assert about(PRESETS["paper"], of("vgg-d")) == PRESETS["paper"].text


def test_what_was_picked_and_other_methods_stay():
    recipe = Recipe(minibatch=Picked(indices=(1, 2)), pruning=RandomMask(sparsity=0.5))
    published = preset_of(recipe, "paper")
    assert published.minibatch == recipe.minibatch
    assert published.pruning == RandomMask(sparsity=0.5, after="redraw")


def test_an_unknown_preset_is_refused():
    with pytest.raises(UserError, match="no preset called"):
        preset_of(Recipe(), "best")


def test_another_optimizer_brings_its_usual_rate_unless_one_was_chosen():
    adam = with_optimizer(Recipe(), "adam")
    assert (adam.training.optimizer, adam.training.learning_rate) == ("adam", 0.001)
    assert with_optimizer(adam, "sgd") == Recipe()
    chosen = Recipe(training=Training(learning_rate=0.05))
    assert with_optimizer(chosen, "adamw").training.learning_rate == 0.05


def test_what_another_method_was_published_with_is_left_to_it():
    recipe = preset_of(of("lenet-300-100", pruning=Grasp()), "paper")
    assert recipe.pruning == Grasp(after="redraw")
    assert recipe.training == preset_of(of("lenet-300-100"), "paper").training
