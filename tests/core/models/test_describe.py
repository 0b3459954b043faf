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


def test_rows_show_shapes_and_what_is_not_pruned():
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


class Reader(nn.Module):
    """A recurrent network that reads the rows of an image."""

    def __init__(self, cell, packed=False):
        super().__init__()
        self.cell, self.packed = cell, packed
        directions = 2 if cell.bidirectional else 1
        width = getattr(cell, "proj_size", 0) or cell.hidden_size
        self.out = nn.Linear(width * directions, 10)

    def forward(self, images):
        rows = images.squeeze(1)
        if self.packed:
            packed = nn.utils.rnn.pack_padded_sequence(
                rows, [rows.shape[1]] * len(rows), batch_first=True
            )
            return self.out(nn.utils.rnn.pad_packed_sequence(self.cell(packed)[0], True)[0][:, -1])
        return self.out(self.cell(rows)[0][:, -1])


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"num_layers": 3},
        {"bidirectional": True},
        {"num_layers": 2, "bidirectional": True, "bias": False},
    ],
)
@pytest.mark.parametrize(("kind", "gates"), [(nn.RNN, 1), (nn.GRU, 3), (nn.LSTM, 4)])
def test_work_of_recurrent_layers_is_that_of_the_closed_form(kind, gates, options, packed):
    rows, columns, hidden = 14, 12, 9
    cell = kind(columns, hidden, batch_first=True, **options)
    model = Reader(cell, packed)
    found = describe_architecture(model, (1, rows, columns), (1, rows, columns), 10)
    directions, layers = 1 + bool(options.get("bidirectional")), options.get("num_layers", 1)
    per_row = gates * hidden * directions * (
        (columns + hidden) + (layers - 1) * (directions * hidden + hidden)
    )  # fmt: skip
    assert found.multiply_accumulates == rows * per_row + hidden * directions * 10
    assert found.other_multiply_accumulates == 0
    assert found.layers[0].multiply_accumulates == rows * per_row


@pytest.mark.filterwarnings("ignore:LSTM with projections")
def test_work_of_a_projected_cell_and_of_single_steps():
    found = describe_architecture(
        Reader(nn.LSTM(12, 9, proj_size=4, batch_first=True)), (1, 14, 12), (1,) * 3, 10
    )
    assert found.multiply_accumulates == 14 * (36 * (12 + 4) + 4 * 9) + 4 * 10

    class Steps(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell = nn.LSTMCell(12, 9)
            self.out = nn.Linear(9, 10)

        def forward(self, images):
            state = None
            for row in images.squeeze(1).unbind(1):
                state = self.cell(row, state)
            return self.out(state[0])

    found = describe_architecture(Steps(), (1, 14, 12), (1, 14, 12), 10)
    assert found.multiply_accumulates == 14 * 36 * (12 + 9) + 90


def test_work_outside_layers_and_of_frozen_ones_is_counted():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Parameter(torch.ones(7, 48))
            self.cell = nn.LSTM(7, 6, batch_first=True)
            self.out = nn.Linear(6, 3).requires_grad_(False)

        def forward(self, images):
            hidden = nn.functional.linear(images.flatten(1), self.first)
            row = self.cell(hidden[:, None])[0][:, 0]
            return nn.functional.linear(input=row, weight=self.out.weight)

    found = describe_architecture(Net(), (3, 4, 4), (3, 4, 4), 3)
    assert found.other_multiply_accumulates == 7 * 48
    assert found.multiply_accumulates == 7 * 48 + 24 * (7 + 6) + 18


def test_attention_may_be_called_by_names():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

        def forward(self, images):
            tokens = images.flatten(2)
            return self.attention(query=tokens, key=tokens, value=tokens)[0].mean(1)[:, :3]

    assert describe_architecture(Net(), (4, 2, 4), (4, 2, 4), 3).uses["attention"] == 4
