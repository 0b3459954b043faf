from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from snip_gui.core.models.init import initialise
from snip_gui.core.models.paper.lenet import LeNet5Caffe, LeNet300100
from tests.core.toys import smooth_conv_net

SHAPE = (1, 28, 28)
FAN_IN = {"conv1": 25, "conv2": 500, "fc1": 800, "fc2": 500}
FAN_OUT = {"conv1": 500, "conv2": 1250, "fc1": 500, "fc2": 10}


def drawn(scheme, seed=0):
    model = LeNet5Caffe(SHAPE, 10)
    initialise(model, scheme, seed)
    return model


def weights_over_seeds(layer, scheme):
    """Enough draws of one layer for its deviation to be known to a fraction of a percent."""
    size = drawn(scheme).get_parameter(f"{layer}.weight").numel()
    seeds = range(math.ceil(200_000 / size))
    model = LeNet5Caffe(SHAPE, 10)
    found = []
    for seed in seeds:
        initialise(model, scheme, seed)
        found.append(model.get_parameter(f"{layer}.weight").detach().flatten().clone())
    return torch.cat(found).double()


@pytest.mark.parametrize("layer", ["conv2", "fc1"])
@pytest.mark.parametrize(
    ("scheme", "variance"),
    [
        ("variance-scaling", lambda fan_in, _: 1 / fan_in),
        ("glorot", lambda fan_in, fan_out: 2 / (fan_in + fan_out)),
        ("he", lambda fan_in, _: 2 / fan_in),
    ],
)
def test_deviations_are_those_of_the_scheme(layer, scheme, variance):
    weights = weights_over_seeds(layer, scheme)
    expected = math.sqrt(variance(FAN_IN[layer], FAN_OUT[layer]))
    assert float(weights.std()) == pytest.approx(expected, rel=0.01)
    assert abs(float(weights.mean())) < 0.01 * expected


def test_variance_scaling_is_cut_at_two_drawn_deviations():
    # The deviation holds after the cut; the one drawn with is larger by the cut's own factor,
    # that of a unit normal between -2 and 2.
    inside = math.erf(2 / math.sqrt(2))
    density = math.exp(-2) / math.sqrt(2 * math.pi)
    factor = math.sqrt(1 - 4 * density / inside)
    bound = 2 * math.sqrt(1 / FAN_IN["fc1"]) / factor
    weight = drawn("variance-scaling").fc1.weight.detach()
    assert float(weight.abs().max()) <= bound * (1 + 1e-6)
    assert float(weight.abs().max()) > 0.999 * bound  # 400,000 draws come close
    # Cut, not clipped: nothing piles up at the bound.
    assert int((weight.abs() > 0.9999 * bound).sum()) < 40


def test_glorot_is_uniform():
    weight = drawn("glorot").fc1.weight.detach()
    bound = math.sqrt(6 / (800 + 500))
    counts = torch.histc(weight, 10, -bound, bound)
    assert counts.sum() == weight.numel()
    assert float((counts / counts.mean() - 1).abs().max()) < 0.03


def test_biases_start_at_zero():
    model = drawn("he")
    assert not any(p.any() for name, p in model.named_parameters() if name.endswith("bias"))


def test_batchnorm_keeps_its_usual_start():
    model = smooth_conv_net()
    before = {k: v.clone() for k, v in model.state_dict().items() if k[0] in "14"}
    initialise(model, "variance-scaling", 0)
    after = model.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())


def test_the_same_seed_draws_the_same_weights():
    one, same, other = (drawn("variance-scaling", seed).state_dict() for seed in (3, 3, 4))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["fc1.weight"], other["fc1.weight"])


@pytest.mark.parametrize("scheme", ["variance-scaling", "glorot", "he"])
def test_the_global_generator_is_left_alone(scheme):
    model = LeNet300100(SHAPE, 10)
    before = torch.get_rng_state()
    initialise(model, scheme, 0)
    assert torch.equal(torch.get_rng_state(), before)


def test_layers_are_drawn_apart():
    model = nn.Sequential(nn.Linear(30, 30), nn.Linear(30, 30))
    initialise(model, "he", 0)
    assert not torch.equal(model[0].weight, model[1].weight)


@pytest.mark.parametrize("layer", ["conv1", "conv2", "fc1", "fc2"])
def test_orthogonal_weights_have_orthonormal_rows_or_columns(layer):
    matrix = drawn("orthogonal").get_parameter(f"{layer}.weight").detach().double().flatten(1)
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    torch.testing.assert_close(wide @ wide.T, torch.eye(len(wide)).double(), atol=1e-5, rtol=0)
    assert not torch.equal(
        matrix, drawn("orthogonal", 1).get_parameter(f"{layer}.weight").double().flatten(1)
    )
