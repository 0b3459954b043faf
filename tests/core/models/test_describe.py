from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from snip_gui.core.graph.parameters import prunable_parameters
from snip_gui.core.models.catalogue import MODELS
from snip_gui.core.models.describe import describe_architecture


@pytest.mark.parametrize(
    "name", ["lenet-300-100", "lenet-5-caffe", "alexnet-s", "vgg-like", "wrn-16-8"]
)
def test_multiply_accumulates_agree_with_torchs_counter(name):
    info = MODELS[name]
    shape, classes = info.reference
    model = info.build(shape, classes)
    layout = prunable_parameters(model).layout
    found = describe_architecture(model, shape, shape, classes)
    ours = sum(tensor.size * found.uses[tensor.layer] for tensor in layout.weights)
    assert ours == sum(layer.multiply_accumulates for layer in found.layers)
    assert ours == found.multiply_accumulates
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.eval()(torch.zeros(1, *shape))
    assert 2 * ours == counter.get_total_flops()


def test_recurrent_weights_are_used_at_every_row():
    info = MODELS["gru-s"]
    found = describe_architecture(info.build(*info.reference), (1, 28, 28), (1, 28, 28), 10)
    assert found.uses == {"projection": 28, "cell": 28, "fc": 1}
    # The second bias of each gate, kept at zero.
    assert found.num_frozen == found.num_parameters - info.num_parameters == 3 * 128


def test_the_network_is_left_as_it_was():
    model = MODELS["alexnet-s"].build((3, 32, 32), 10).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model.conv2.eval()
    describe_architecture(model, (3, 32, 32), (3, 32, 32), 10)
    assert not model.conv2.training
    assert model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not any(module._forward_hooks for module in model.modules())


def test_rows_tell_shapes_and_what_is_not_pruned():
    found = describe_architecture(
        MODELS["vgg-like"].build((3, 32, 32), 10), (3, 32, 32), (3, 32, 32), 10
    )
    rows = {layer.name: layer for layer in found.layers}
    assert rows["conv1"].kind == "Conv2d"
    assert rows["conv1"].output_shape == (64, 32, 32)
    assert rows["conv1"].num_parameters == 3 * 64 * 9 + 64
    assert rows["norm1"].kind == "BatchNorm2d"
    assert not rows["norm1"].is_prunable
    assert found.prunable_layers == MODELS["vgg-like"].layers
    assert found.num_parameters - sum(
        row.num_parameters for row in found.layers if row.is_prunable
    ) == 2 * (2 * 64 + 2 * 128 + 3 * 256 + 6 * 512 + 512)


class Attentive(nn.Module):
    """Every kind of use: a projection applied without its layer, attention, a shared weight."""

    def __init__(self):
        super().__init__()
        self.patch = nn.Linear(16, 8)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True, add_bias_kv=True)
        self.mix = nn.Linear(8, 8, bias=False)
        self.out = nn.Linear(8, 3)

    def forward(self, images):
        tokens = self.patch(images.flatten(2))  # (B, 4, 8)
        tokens = self.attention(tokens, tokens, tokens)[0]
        tokens = nn.functional.linear(tokens, self.mix.weight)
        return self.out(nn.functional.linear(tokens, self.mix.weight).mean(1))


def test_weights_are_counted_wherever_they_are_applied():
    found = describe_architecture(Attentive(), (4, 4, 4), (4, 4, 4), 3)
    assert found.uses == {
        "patch": 4,
        "attention": 4,
        "attention.out_proj": 4,
        "mix": 8,
        "out": 1,
    }


@pytest.mark.parametrize(
    ("first", "sees_all"),
    [(nn.Linear(48, 5), True), (nn.Sequential(nn.Conv2d(3, 3, 1), nn.Flatten()), False)],
)
def test_a_first_layer_that_sees_every_pixel_is_found(first, sees_all):
    model = nn.Sequential(nn.Flatten() if sees_all else nn.Identity(), first, nn.ReLU())
    model.append(nn.Linear(5 if sees_all else 48, 2))
    found = describe_architecture(model, (3, 4, 4), (3, 4, 4), 2)
    assert found.first_linear == ("1" if sees_all else "")


class Outside(nn.Module):
    """A network with parameters of its own, as many as it is asked for."""

    def __init__(self, number):
        super().__init__()
        self.extra = nn.ParameterList(torch.ones(3, 1000) for _ in range(number))
        self.out = nn.Linear(48, 3)

    def forward(self, images):
        return self.out(images.flatten(1)) + sum(p.sum() for p in self.extra)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1, "3,000 parameters of extra.0 are outside layers and are not pruned."),
        (2, "6,000 parameters are outside layers and are not pruned: extra.0 (3,000), extra.1 "
            "(3,000)."),
        (7, "extra.4 (3,000) and 2 more."),
    ],
)  # fmt: skip
def test_what_does_not_compete_is_said_with_its_size(number, text):
    found = describe_architecture(Outside(number), (3, 4, 4), (3, 4, 4), 3)
    assert found.remarks[0].endswith(text)
    assert dict(found.outside) == {f"extra.{i}": 3000 for i in range(number)}


def test_there_is_nothing_to_remark_of_a_usual_network():
    assert describe_architecture(Outside(0), (3, 4, 4), (3, 4, 4), 3).remarks == ()
