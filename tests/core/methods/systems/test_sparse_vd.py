from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from snip_gui.core.base.errors import UserError
from snip_gui.core.methods.systems import sparse_vd
from snip_gui.core.methods.systems.sparse_vd import (
    divergence,
    divergence_slope,
    log_alpha,
    make_regime,
    output_variance,
    ramp,
)
from snip_gui.core.recipe.methods import SparseVariational
from snip_gui.core.recipe.recipe import ModelChoice, Recipe, Training
from tests.core.methods.systems.benches import masked_of, moment

ADAM = Training(optimizer="adam", learning_rate=0.001)


def recipe_with(model="lenet-300-100", training=ADAM, **settings):
    return Recipe(
        model=ModelChoice(name=model), pruning=SparseVariational(**settings), training=training
    )


@pytest.mark.parametrize("log", [-6.0, -1.5, 0.0, 2.0, 5.0])
def test_the_divergence_is_that_of_the_three_constants(log):
    theta = torch.tensor(0.7, dtype=torch.float64)
    log_variance = log + torch.log(theta**2 + 1e-8)
    sigmoid = 1 / (1 + math.exp(-(1.8732 + 1.48695 * log)))
    negative = 0.63576 * sigmoid - 0.5 * math.log(1 + math.exp(-log)) - 0.63576
    assert float(divergence(theta, log_variance)) == pytest.approx(-negative)


def test_it_approximates_the_divergence_from_the_log_uniform_prior():
    """-KL = log alpha / 2 - E log |e|, e ~ N(1, alpha), up to a constant; it ends at zero."""
    eps = np.random.default_rng(0).normal(size=400_000)

    def exact(log):
        return 0.5 * log - np.log(np.abs(1 + math.exp(log / 2) * eps)).mean()

    theta = torch.ones((), dtype=torch.float64)
    for log in (-3.0, -1.0, 1.0):
        found = -float(divergence(theta, torch.tensor(log, dtype=torch.float64)))
        assert found == pytest.approx(exact(log) - exact(7.9), abs=0.02)


def test_its_slope_is_its_derivative_and_zero_where_clipped():
    theta = torch.tensor([0.3, -0.8, 0.05, 1e-3, 2.0], dtype=torch.float64, requires_grad=True)
    log_variance = torch.tensor([-4.0, 0.0, 1.0, 3.0, -9.0], dtype=torch.float64)
    log_variance.requires_grad_()
    divergence(theta, log_variance).sum().backward()
    with torch.no_grad():
        slope = divergence_slope(theta, log_variance, log_variance.exp())
    torch.testing.assert_close(slope, log_variance.grad)
    assert [float(s) == 0 for s in slope] == [False, False, False, True, True]


@pytest.mark.parametrize("kind", ["linear", "convolution"])
def test_outputs_vary_as_those_of_sampled_weights_do(kind):
    torch.manual_seed(0)
    module = nn.Linear(5, 2) if kind == "linear" else nn.Conv2d(1, 2, 2)
    inputs = torch.randn(1, 5) if kind == "linear" else torch.randn(1, 1, 3, 3)
    variance = torch.rand_like(module.weight)
    drawn = []
    for _ in range(4000):
        weight = module.weight + variance.sqrt() * torch.randn_like(variance)
        drawn.append(torch.func.functional_call(module, {"weight": weight}, inputs).detach())
    expected = torch.stack(drawn).var(0)
    torch.testing.assert_close(
        output_variance(module, inputs, variance), expected, rtol=0.15, atol=0.02
    )


def test_a_forward_pass_adds_noise_of_that_spread(make_bench, monkeypatch):
    bench = make_bench(recipe_with())
    regime = make_regime(bench)
    with torch.no_grad():
        for log in regime.parameters().values():
            log.fill_(-2.0)
    monkeypatch.setattr(sparse_vd.torch, "randn_like", torch.ones_like)  # one deviation up
    images, _ = bench.training_batches().batch(torch.arange(3))
    model, values = bench.model, images.flatten(1)
    for name in ("fc1", "fc2", "fc3"):
        layer = model.get_submodule(name)
        variance = torch.full_like(layer.weight, math.exp(-2.0))
        spread = (values.square() @ variance.T + 1e-8).sqrt()
        values = values @ layer.weight.T + layer.bias + spread
        values = values.relu() if name != "fc3" else values
    torch.testing.assert_close(regime.forward(model, images), values)
    assert not any(module._forward_hooks for module in model.modules())


def test_gradients_of_the_divergence_are_those_of_autograd(make_bench):
    bench = make_bench(recipe_with(ramp_start=0, ramp_epochs=0, kl_weight=3.0))
    regime, masked = make_regime(bench), masked_of(bench)
    regime.before_step(masked, moment(0))
    images, labels = bench.training_batches().batch(torch.arange(20))
    torch.manual_seed(1)
    loss = nn.functional.cross_entropy(regime.forward(bench.model, images), labels)
    logs = list(regime.parameters().values())
    weights = list(masked.prunable.parameters)
    total = sum(divergence(w, log).sum() for w, log in zip(weights, logs, strict=True))
    whole = loss + 3.0 * total / len(bench.split.train_indices)
    expected = torch.autograd.grad(whole, [*weights, *logs], retain_graph=True)
    loss.backward()
    regime.change_gradients(masked)
    for parameter, gradient in zip([*weights, *logs], expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-4, atol=1e-7)


def test_weights_of_a_log_alpha_of_three_are_removed(make_bench):
    bench = make_bench(recipe_with())
    regime, masked = make_regime(bench), masked_of(bench)
    with torch.no_grad():
        for name, weight in masked.prunable.items():
            weight.fill_(0.5)
            weight.view(-1)[0] = 0.05
            regime.parameters()[f"log_variance.{name}"].fill_(math.log(0.25) + 2.9)
            regime.parameters()[f"log_variance.{name}"].view(-1)[1] = math.log(0.25) + 3.1
    for mask in regime.outcome(masked).masks.values():
        assert mask.view(-1)[:3].tolist() == [False, False, True]
        assert int(mask.sum()) == mask.numel() - 2


def test_log_alpha_is_clipped():
    values = log_alpha(torch.tensor([1.0, 1e-6]), torch.tensor([-50.0, 50.0]))
    assert values.tolist() == [-8.0, 8.0]


def test_the_ramp():
    assert [ramp(e, 5, 15) for e in (0, 4.9, 5, 12.5, 20, 90)] == [0, 0, 0, 0.5, 1, 1]
    assert [ramp(e, 0, 0) for e in (0, 1)] == [1, 1]


def test_sgd_biases_and_sparsities_are_refused(make_bench):
    cases = {
        "training.optimizer": recipe_with(training=Training()),
        "pruning.prunable": recipe_with(prunable="weights-and-biases"),
        "pruning.sparsity": recipe_with(sparsity=0.9),
        "pruning.exclude": recipe_with(model="lstm-s"),
    }
    for field, recipe in cases.items():
        with pytest.raises(UserError) as caught:
            make_regime(make_bench(recipe))
        assert caught.value.field == field
