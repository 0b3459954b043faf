from __future__ import annotations

import pytest
import torch
from torch import nn

from snip_gui.core.base.errors import UserError
from snip_gui.core.graph.parameters import outside_parameters, prunable_parameters
from snip_gui.core.models.paper.lenet import LeNet5Caffe, LeNet300100
from tests.core.toys import smooth_conv_net

SHAPE = (1, 28, 28)


@pytest.mark.parametrize(
    ("network", "biases", "total"),
    [  # the paper's totals are with biases
        (LeNet300100, True, 266_610),
        (LeNet300100, False, 266_200),
        (LeNet5Caffe, True, 431_080),
        (LeNet5Caffe, False, 430_500),
    ],
)
def test_totals_are_the_papers(network, biases, total):
    found = prunable_parameters(network(SHAPE, 10), biases=biases)
    assert found.layout.num_parameters == total
    assert sum(p.numel() for p in found.parameters) == total


def test_flat_order_is_that_of_the_state_dict():
    model = LeNet5Caffe(SHAPE, 10)
    found = prunable_parameters(model)
    assert [t.name for t in found.layout.tensors] == list(model.state_dict())
    for tensor, (name, parameter) in zip(found.layout.tensors, found.items(), strict=True):
        assert (tensor.name, tensor.shape) == (name, tuple(parameter.shape))
        assert parameter is model.get_parameter(name)


def test_batchnorm_is_never_prunable():
    found = prunable_parameters(smooth_conv_net())
    assert found.layout.layers == ("0", "3", "8")
    assert {t.kind for t in found.layout.tensors} == {"convolution", "linear"}


def test_excluded_layers_are_neither_counted_nor_listed():
    found = prunable_parameters(LeNet300100(SHAPE, 10), exclude=("fc3",))
    assert found.layout.layers == ("fc1", "fc2")
    assert found.layout.num_parameters == 266_610 - 1_010
    # What follows an excluded layer moves up in the flat vector.
    found = prunable_parameters(LeNet300100(SHAPE, 10), exclude=("fc1",))
    assert found.layout["fc2.weight"].offset == 0


def test_an_unknown_excluded_layer_is_refused():
    with pytest.raises(UserError, match="fc9") as caught:
        prunable_parameters(LeNet300100(SHAPE, 10), exclude=("fc1", "fc9"))
    assert caught.value.field == "pruning.exclude"
    assert "fc1, fc2, fc3" in caught.value.hint


def test_excluding_every_layer_is_refused():
    with pytest.raises(UserError, match="no layer left to prune") as caught:
        prunable_parameters(LeNet300100(SHAPE, 10), exclude=("fc1", "fc2", "fc3"))
    assert caught.value.field == "pruning.exclude"


def test_a_shared_parameter_counts_once():
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    model[1].weight = model[0].weight
    found = prunable_parameters(model)
    assert found.layout.num_parameters == 16 + 4 + 4


def test_frozen_parameters_do_not_compete():
    model = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2))
    model[0].weight.requires_grad_(False)
    assert prunable_parameters(model, biases=False).layout.layers == ("1",)


def test_recurrent_layers_are_prunable():
    found = prunable_parameters(nn.LSTM(3, 2))
    assert found.layout.num_parameters == sum(p.numel() for p in nn.LSTM(3, 2).parameters())
    assert torch.is_tensor(found.parameters[0])


class Mixed(nn.Module):
    """Parameters in layers of every kind, and outside them."""

    def __init__(self):
        super().__init__()
        self.matrix = nn.Parameter(torch.ones(4, 6))
        self.scale = nn.Parameter(torch.ones(4), requires_grad=False)
        self.tokens = nn.Embedding(5, 4)
        self.slope = nn.PReLU()
        self.attention = nn.MultiheadAttention(4, 2, add_bias_kv=True)
        self.cell = nn.GRU(4, 3)
        self.norms = nn.ModuleList([nn.BatchNorm1d(3), nn.LayerNorm(3), nn.GroupNorm(1, 3)])
        self.out = nn.Linear(3, 2)
        self.again = self.matrix  # counts once


def test_parameters_outside_layers_are_listed_with_their_sizes():
    model = Mixed()
    outside = outside_parameters(model)
    assert outside == {
        "matrix": 24,
        "scale": 4,
        "tokens.weight": 20,
        "slope.weight": 1,
        "attention.bias_k": 4,
        "attention.bias_v": 4,
    }
    norms = sum(p.numel() for p in model.norms.parameters())
    prunable = prunable_parameters(model).layout.num_parameters
    total = sum(p.numel() for p in model.parameters())
    assert prunable + norms + sum(outside.values()) == total


def test_nothing_of_a_usual_network_is_outside():
    assert outside_parameters(smooth_conv_net()) == {}
