"""ProsPr against an unrolled implementation in float64, and against finite differences."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.func import functional_call
from torch.nn.functional import cross_entropy

from snip_gui.core.base.errors import UserError
from snip_gui.core.graph.parameters import prunable_parameters
from snip_gui.core.methods.criteria.prospr import prospective_sensitivity
from snip_gui.core.pruning.sensitivity import connection_sensitivity
from snip_gui.core.recipe.methods import ProsPr
from snip_gui.core.recipe.recipe import Draw, Picked, Recipe
from tests.core.methods.benches import TOYS, pruned_with
from tests.core.toys import toy_batches

RATE = 0.3


def split(inputs, labels):
    """Three minibatches of two or three images."""
    return [(inputs[part], labels[part]) for part in (slice(0, 2), slice(2, 4), slice(4, 7))]


def loss_after_steps(model, factors, batches):
    """The loss on the last minibatch after gradient descent on the others."""
    start = {name: p.detach() for name, p in model.named_parameters()}
    values = {n: (v * factors[n] if n in factors else v) for n, v in start.items()}
    *inner, last = batches
    for inputs, labels in inner:
        leaves = {name: value.detach().requires_grad_() for name, value in values.items()}
        loss = cross_entropy(functional_call(model, leaves, (inputs,)), labels)
        found = torch.autograd.grad(loss, tuple(leaves.values()))
        values = {n: values[n] - RATE * g for n, g in zip(values, found, strict=True)}
    return float(cross_entropy(functional_call(model, values, (last[0],)), last[1]).detach())


@pytest.mark.parametrize("toy", TOYS)
def test_scores_are_those_of_finite_differences_of_training(toy):
    model, inputs, labels = toy_batches()[toy]
    prunable = prunable_parameters(model, biases=False)
    batches = split(inputs, labels)
    score_M, loss = prospective_sensitivity(model, prunable, batches, rate=RATE, mode="evaluation")
    model.eval()
    slopes, step = [], 1e-5
    for name, parameter in prunable.items():
        for place in range(parameter.numel()):
            ends = []
            for move in (step, -step):
                factor = torch.ones_like(parameter)
                factor.view(-1)[place] += move
                ends.append(loss_after_steps(model, {name: factor}, batches))
            slopes.append(abs(ends[0] - ends[1]) / (2 * step))
    np.testing.assert_allclose(score_M, np.array(slopes) / sum(slopes), rtol=1e-4, atol=1e-7)
    assert loss == pytest.approx(loss_after_steps(model, {}, batches))


@pytest.mark.parametrize("toy", TOYS)
def test_without_inner_steps_it_is_snip(toy):
    model, inputs, labels = toy_batches()[toy]
    prunable = prunable_parameters(model, biases=False)
    found, _ = prospective_sensitivity(model, prunable, [(inputs, labels)], mode="evaluation")
    snip = connection_sensitivity(model, prunable, inputs, labels)
    np.testing.assert_allclose(found, snip.sensitivity_M, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("mode", ["training", "evaluation"])
def test_the_network_is_left_as_it_was(mode):
    model, inputs, labels = toy_batches()["convolutional"]
    before = {name: values.clone() for name, values in model.state_dict().items()}
    batches = split(inputs, labels)
    prospective_sensitivity(model, prunable_parameters(model), batches, mode=mode)
    assert all(torch.equal(values, before[name]) for name, values in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert model.training


def test_a_minibatch_is_drawn_for_each_step_and_the_loss(make_bench):
    recipe = Recipe(minibatch=Draw(size=10), pruning=ProsPr(inner_steps=2))
    bench = make_bench(recipe)
    assert len(bench.minibatch.labels_K) == 30
    one, same = pruned_with(bench), pruned_with(make_bench(recipe))
    np.testing.assert_array_equal(one.rank_M, same.rank_M)


def test_too_few_images_and_picked_ones_are_refused(make_bench):
    with pytest.raises(UserError, match="images were requested"):
        pruned_with(make_bench(Recipe(minibatch=Draw(size=1000), pruning=ProsPr())))
    with pytest.raises(UserError, match="needs several"):
        pruned_with(make_bench(Recipe(minibatch=Picked(indices=(1, 2)), pruning=ProsPr())))


class _Once(torch.autograd.Function):
    @staticmethod
    def forward(ctx, inputs):
        return inputs * 2

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient):
        return gradient * 2


class _WithOnce(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(6, 4), nn.Linear(4, 3)

    def forward(self, inputs):
        return self.last(_Once.apply(torch.tanh(self.first(inputs))))


def test_a_network_without_second_derivatives_is_refused():
    model = _WithOnce().double()
    _, inputs, labels = toy_batches()["linear"]
    with pytest.raises(UserError, match="ProsPr needs second derivatives"):
        prospective_sensitivity(model, prunable_parameters(model), split(inputs, labels))


@pytest.mark.parametrize("cell", [nn.LSTM, nn.GRU])
def test_recurrent_networks_and_attention_have_second_derivatives(cell):
    class Sequence(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell = cell(3, 4, batch_first=True)
            self.attention = nn.MultiheadAttention(4, 2, batch_first=True)
            self.last = nn.Linear(4, 3)

        def forward(self, inputs):
            states = self.cell(inputs.view(-1, 2, 3))[0]
            return self.last(self.attention(states, states, states)[0].mean(1))

    torch.manual_seed(0)
    model = Sequence().double()
    _, inputs, labels = toy_batches()["linear"]
    prunable = prunable_parameters(model, biases=False)
    score_M, _ = prospective_sensitivity(model, prunable, split(inputs, labels))
    assert np.isfinite(score_M).all()
    assert score_M.sum() == pytest.approx(1, abs=1e-5)
