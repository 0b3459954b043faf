"""Weights that layers compute: ordinary ones afterwards, of the same sensitivity."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, parametrize, prune, spectral_norm, weight_norm

from snip_gui.core import api
from snip_gui.core.base.errors import UserError
from snip_gui.core.graph.computed_weights import make_ordinary
from snip_gui.core.graph.parameters import prunable_parameters
from snip_gui.core.pruning.sensitivity import connection_sensitivity

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")


class Symmetric(nn.Module):
    def forward(self, weight):
        return weight.triu() + weight.triu(1).transpose(-1, -2)


class Squared(nn.Module):
    def forward(self, weight):
        return weight * weight.abs()


class LowRank(nn.Module):
    def forward(self, one, two):
        return one @ two

    def right_inverse(self, weight):
        return weight[:, :2].clone(), weight[:2].clone()


class Noisy(nn.Module):
    def forward(self, weight):
        return weight + torch.randn_like(weight)


class Multiplier(nn.Module):
    """A factor on every weight, the last of its parametrizations."""

    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, weight):
        return weight * self.factor


def plain(layer):
    return layer


def squared(layer, name="weight"):
    parametrize.register_parametrization(layer, name, Squared())
    return layer


def twice(layer):
    return squared(parametrizations.weight_norm(layer))


def symmetric(layer):
    parametrize.register_parametrization(layer, "weight", Symmetric())
    return layer


def mlp(wrap):
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Flatten(), wrap(nn.Linear(16, 16)), nn.Tanh(), wrap(nn.Linear(16, 16)), nn.Tanh(),
        nn.Linear(16, 3),
    ).double()  # fmt: skip


def conv_net(wrap):
    torch.manual_seed(3)
    return nn.Sequential(
        wrap(nn.Conv2d(1, 4, 3)), nn.Tanh(), nn.Flatten(), wrap(nn.Linear(16, 3))
    ).double()


def batch():
    generator = torch.Generator().manual_seed(1)
    images = torch.randn(12, 1, 4, 4, generator=generator, dtype=torch.float64)
    return images, torch.arange(12) % 3


def multiplier_sensitivity(model):
    """Sensitivities of the factors on the weights as each layer applies them, without biases."""
    factors, hooks = [], []
    for module in model.eval().modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            factor = torch.ones_like(module.weight, dtype=torch.float64, requires_grad=True)
            factors.append(factor)
            if parametrize.is_parametrized(module):
                parametrize.register_parametrization(module, "weight", Multiplier(factor))
                continue

            def apply(module, _inputs, factor=factor):  # after the hook that computes the weight
                weight = module.__dict__.get("weight", module._parameters.get("weight"))
                module._parameters.pop("weight", None)
                module.weight = weight * factor

            hooks.append(module.register_forward_pre_hook(apply))
    images, labels = batch()
    loss = nn.functional.cross_entropy(model(images), labels)
    sizes = torch.cat([g.flatten().abs() for g in torch.autograd.grad(loss, factors)])
    return sizes / sizes.sum()


WRAPPERS = {
    "plain": plain,
    "weight_norm": parametrizations.weight_norm,
    "old weight_norm": weight_norm,
    "spectral_norm": parametrizations.spectral_norm,
    "old spectral_norm": spectral_norm,
    "orthogonal": parametrizations.orthogonal,
    "own": squared,
    "two": twice,
}


@pytest.mark.parametrize("make", [mlp, conv_net])
@pytest.mark.parametrize("name", WRAPPERS)
def test_the_sensitivity_is_that_of_factors_on_the_weights_as_applied(make, name):
    wrap = symmetric if make is mlp and name == "own" else WRAPPERS[name]
    model, expected = make(wrap), multiplier_sensitivity(make(wrap))
    before = model.eval()(batch()[0])
    found = make_ordinary(model)
    assert len(found) == (0 if name == "plain" else 2)
    assert torch.allclose(model(batch()[0]), before, rtol=1e-12, atol=1e-14)
    prunable = prunable_parameters(model, biases=False)
    scored = connection_sensitivity(model, prunable, *batch())
    assert [t.name for t in prunable.layout.tensors] == [
        name for name in model.state_dict() if name.endswith("weight")
    ]
    assert torch.allclose(torch.from_numpy(scored.sensitivity_M).double(), expected, rtol=1e-5,
                          atol=1e-9)  # fmt: skip


def test_all_is_counted_and_named_as_without_parametrizations():
    ordinary = nn.Sequential(nn.Flatten(), nn.Linear(784, 24), nn.ReLU(), nn.Linear(24, 10))
    normed = copy.deepcopy(ordinary)
    for layer in (normed[1], normed[3]):
        parametrizations.weight_norm(layer)
    assert make_ordinary(normed) == ("1.weight (weight_norm)", "3.weight (weight_norm)")
    assert type(normed[1]) is nn.Linear
    assert list(normed.state_dict()) == list(ordinary.state_dict())
    assert prunable_parameters(normed).layout == prunable_parameters(ordinary).layout
    assert prunable_parameters(normed).layout.num_parameters == 19_090
    for one, other in zip(normed.parameters(), ordinary.parameters(), strict=True):
        assert torch.allclose(one, other)


@pytest.mark.parametrize("wrap", [weight_norm, squared])
def test_recurrent_weights_become_ordinary(wrap):
    layer = nn.LSTM(4, 3, batch_first=True)
    wrap(layer, "weight_hh_l0")
    images = torch.randn(2, 5, 4)
    before = layer(images)[0]
    assert make_ordinary(layer) != ()
    assert torch.allclose(layer(images)[0], before)
    assert {n for n, _ in layer.named_parameters()} == set(nn.LSTM(4, 3).state_dict())
    layer(images)[0].sum().backward()
    assert layer.weight_hh_l0.grad is not None


def test_what_torch_pruned_stays_zero_and_is_ordinary():
    layer = nn.Linear(6, 4)
    prune.random_unstructured(layer, "weight", 0.5)
    removed = layer.weight_mask == 0
    assert make_ordinary(layer) == ("weight (RandomUnstructured)",)
    assert not layer.weight[removed].any()
    assert list(layer.state_dict()) == ["weight", "bias"]


def test_biases_and_frozen_weights_are_kept_as_they_are():
    layer = squared(nn.Linear(4, 3), "bias")
    layer.parametrizations.bias.original.requires_grad_(False)
    value = layer.bias.detach().clone()
    make_ordinary(layer)
    assert torch.equal(layer.bias, value)
    assert not layer.bias.requires_grad


def test_modes_are_left_as_they_were():
    model = mlp(parametrizations.spectral_norm)
    model.train()
    model[3].eval()
    make_ordinary(model)
    assert model.training
    assert model[1].training
    assert not model[3].training


@pytest.mark.parametrize(
    ("kind", "reason"), [(LowRank, "several tensors"), (Noisy, "another each time")]
)
def test_what_has_no_meaning_as_an_ordinary_weight_is_refused_by_name(kind, reason):
    model = nn.Sequential(nn.Flatten(), nn.Linear(16, 16))
    parametrize.register_parametrization(model[1], "weight", kind())
    with pytest.raises(UserError, match=reason) as caught:
        make_ordinary(model)
    assert "1.weight" in caught.value.message
    assert kind.__name__ in caught.value.message


@pytest.mark.parametrize("wrap", [weight_norm, parametrizations.weight_norm])
def test_scripts_say_how_to_make_weights_ordinary(wrap):
    model = mlp(wrap)
    with pytest.raises(UserError, match="layer “1”"):
        api.score(model, *batch())


def test_parametrized_parameters_outside_layers_are_left_alone():
    model = nn.Sequential(nn.Embedding(4, 4), nn.Linear(4, 2))
    squared(model[0])
    assert make_ordinary(model) == ()
    assert parametrize.is_parametrized(model[0])
