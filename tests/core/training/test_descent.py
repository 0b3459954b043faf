"""The optimizers a recipe can name, against their updates written out."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn
from torch.nn import functional

from snip_gui.core.graph.layout import Layout
from snip_gui.core.graph.parameters import PrunableParameters
from snip_gui.core.pruning.masked_model import MaskedModel
from snip_gui.core.recipe.recipe import Training
from snip_gui.core.training.checkpoint import load_checkpoint, save_checkpoint
from snip_gui.core.training.descent import descend, gradient_norm, make_optimizer
from snip_gui.core.training.schedules import learning_rate_at
from tests.core.training.test_loop import make_trainer
from tests.core.training.test_preparing import make_trainer as make_sparse
from tests.core.training.test_preparing import prepare

FIRST, SECOND, TINY = 0.9, 0.999, 1e-8


def finish(trainer):
    return list(itertools.chain.from_iterable(trainer.run()))


@pytest.mark.parametrize("optimizer", ["adam", "adamw"])
def test_adam_is_adam_under_the_mask_and_decays_no_batchnorm(optimizer):
    training = Training(
        optimizer=optimizer, epochs=4, batch_size=53, learning_rate=0.02, weight_decay=0.1,
        schedule="cosine",
    )  # fmt: skip
    trainer, masks = make_trainer(training, share=0.5, norm=True)
    model = trainer.masked.model
    weights = {n: p.detach().clone() for n, p in model.named_parameters()}
    mean = {n: torch.zeros_like(p) for n, p in weights.items()}
    square = {n: torch.zeros_like(p) for n, p in weights.items()}
    inputs, labels = trainer.train.batch(slice(None))
    reference = torch.nn.Sequential(*model).train()
    finish(trainer)
    trained = {n: p.detach().clone() for n, p in model.named_parameters()}
    for step in range(4):
        leaves = {n: w.clone().requires_grad_() for n, w in weights.items()}
        scores = torch.func.functional_call(reference.train(), leaves, (inputs,))
        loss = functional.cross_entropy(scores, labels)
        gradients = dict(zip(leaves, torch.autograd.grad(loss, list(leaves.values())), strict=True))
        rate = learning_rate_at(step, 4, training)
        for name in weights:
            mask = torch.from_numpy(masks[name]).float() if name in masks else 1.0
            decay = 0.1 if name in masks else 0.0
            gradient = gradients[name] * mask
            if optimizer == "adam":
                gradient = gradient + decay * weights[name]
            else:
                weights[name] = weights[name] * (1 - rate * decay)
            mean[name] = FIRST * mean[name] + (1 - FIRST) * gradient
            square[name] = SECOND * square[name] + (1 - SECOND) * gradient**2
            steps = step + 1
            move = (mean[name] / (1 - FIRST**steps)) / (
                (square[name] / (1 - SECOND**steps)).sqrt() + TINY
            )
            weights[name] = (weights[name] - rate * move) * mask
    # Before BatchNorm a bias has a gradient of rounding errors alone, which Adam makes large.
    del weights["1.bias"]
    for name, expected in weights.items():
        torch.testing.assert_close(trained[name], expected, rtol=1e-3, atol=1e-5)


def tile_recipe(optimizer, **rest):
    rate = 0.05 if optimizer == "sgd" else 0.005
    return Training(optimizer=optimizer, epochs=3, batch_size=10, learning_rate=rate, **rest)


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
@pytest.mark.parametrize("shrink", [True, False])
@pytest.mark.parametrize("at", [1, 8])
def test_a_checkpoint_resumes_bit_for_bit(tmp_path, optimizer, shrink, at):
    training = tile_recipe(
        optimizer, shrink=shrink, schedule="cosine", augmentation="flip-and-shift"
    )
    expected, first, second = (make_sparse(training, dropout=0.3) for _ in range(3))
    for trainer in (expected, first, second):
        prepare(trainer)
        assert (trainer.shrunk is not None) == shrink
    torch.manual_seed(5)
    finish(expected)
    torch.manual_seed(5)
    for _ in first.run():
        if first.step == at:
            break
    save_checkpoint(tmp_path / "c", first)
    torch.manual_seed(99)
    load_checkpoint(tmp_path / "c", second)
    finish(second)
    states = [trainer.masked.model.state_dict() for trainer in (expected, second)]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
@pytest.mark.parametrize("augmentation", ["none", "flip-and-shift"])
def test_the_shrunk_network_learns_what_the_masked_network_learns(optimizer, augmentation):
    whole = make_sparse(tile_recipe(optimizer, augmentation=augmentation, shrink=False))
    shrunk = make_sparse(tile_recipe(optimizer, augmentation=augmentation))
    prepare(whole), prepare(shrunk)
    assert shrunk.shrunk.pixels is not None
    pairs = list(zip(finish(whole), finish(shrunk), strict=True))
    assert len(pairs) > 10
    for one, other in pairs:
        assert one.loss == pytest.approx(other.loss, abs=1e-4)


@pytest.mark.parametrize("optimizer", ["adam", "adamw"])
def test_a_run_resumes_with_less_or_more_kept_out(tmp_path, optimizer):
    small, whole = tile_recipe(optimizer), tile_recipe(optimizer, shrink=False)
    for before, after in ((whole, small), (small, whole)):
        first, second, expected = make_sparse(before), make_sparse(after), make_sparse(whole)
        prepare(first)
        for _ in first.run():
            if first.step == 7:
                break
        save_checkpoint(tmp_path / "c", first)
        prepare(second)
        load_checkpoint(tmp_path / "c", second)
        assert finish(second)[-1].loss == pytest.approx(finish(expected)[-1].loss, abs=1e-4)


def test_half_width_passes_differ_a_little_and_leave_weights_at_full_width():
    half, full = (
        make_trainer(tile_recipe("sgd", precision="bfloat16")),
        make_trainer(tile_recipe("sgd")),
    )
    points = [finish(trainer) for trainer, _ in (half, full)]
    losses = [[p.loss for p in one if p.split == "train"] for one in points]
    assert losses[0] != losses[1]
    assert losses[0] == pytest.approx(losses[1], abs=0.05)
    weights = half[0].masked.model.state_dict().values()
    assert {tensor.dtype for tensor in weights} == {torch.float32}


def test_the_norm_of_the_gradient_is_that_under_the_mask():
    trainer, masks = make_trainer(tile_recipe("sgd"), share=0.3)
    inputs, labels = trainer.train.batch(slice(0, 10))
    optimizer = make_optimizer(trainer.masked, trainer.training)
    leaves = {n: p.detach().clone().requires_grad_() for n, p in trainer.masked.prunable.items()}
    scores = torch.func.functional_call(trainer.masked.model, leaves, (inputs,))
    functional.cross_entropy(scores, labels).backward()
    expected = sum(
        float((leaf.grad * torch.from_numpy(masks[name])).square().sum())
        for name, leaf in leaves.items()
    )
    descend(trainer.masked, optimizer, inputs, labels)
    assert float(gradient_norm(trainer.masked)) == pytest.approx(expected**0.5, rel=1e-5)


def test_points_of_the_training_say_norms_of_gradient_and_layers():
    trainer, _ = make_trainer(tile_recipe("sgd"), share=0.5)
    points = finish(trainer)
    train = [p for p in points if p.split == "train"]
    assert all(p.gradient_norm > 0 for p in train)
    assert all(p.gradient_norm is None and not p.weight_norms for p in points if p not in train)
    weights = {name: p.detach() for name, p in trainer.masked.prunable.items()}
    expected = [
        float((weights[f"{n}.weight"].square().sum() + weights[f"{n}.bias"].square().sum()).sqrt())
        for n in ("1", "3")
    ]
    assert train[-1].weight_norms == pytest.approx(expected, rel=1e-5)


def test_a_network_of_which_nothing_is_left_to_train_stays_at_chance():
    model = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2)).requires_grad_(False)
    model[1].bias.zero_()
    masked = MaskedModel(model, PrunableParameters(Layout(()), ()), {})
    optimizer = make_optimizer(masked, Training())
    before = {name: value.clone() for name, value in model.state_dict().items()}
    loss, _ = descend(masked, optimizer, torch.randn(5, 4), torch.zeros(5, dtype=torch.int64))
    assert loss.isfinite()
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
