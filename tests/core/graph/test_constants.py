"""Folding what is constant changes no output."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from snip_gui.core.graph.constants import fold_constants


class Branches(nn.Module):
    """Constants on one branch of a residual sum, then a padded convolution."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 3, padding=1)
        self.norm = nn.BatchNorm2d(6)
        self.conv2 = nn.Conv2d(6, 6, 3, padding=1)
        self.conv3 = nn.Conv2d(6, 4, 3, padding=1)
        self.fc = nn.Linear(4, 3)

    def forward(self, images):
        maps = torch.relu(self.norm(self.conv1(images)))
        maps = torch.relu(self.conv2(maps) + maps)
        return self.fc(torch.relu(self.conv3(maps)).mean(dim=(2, 3)))


def chain(*layers):
    return nn.Sequential(*layers)


def dead(layer, outputs):
    """Remove all weights of some outputs: what they give is their bias."""
    with torch.no_grad():
        layer.weight[outputs] = 0
    return layer


def networks():
    torch.manual_seed(0)
    yield (
        "linear",
        chain(nn.Flatten(), dead(nn.Linear(64, 8), [1, 3, 4]), nn.Tanh(), nn.Linear(8, 3)),
    )
    yield "no padding", chain(
        dead(nn.Conv2d(1, 6, 3), [0, 2]), nn.MaxPool2d(2), nn.Conv2d(6, 4, 3), nn.ReLU(),
        nn.Flatten(), nn.Linear(4, 3),
    )  # fmt: skip
    yield "padding", chain(
        dead(nn.Conv2d(1, 6, 3, padding=1), [0, 2, 5]), nn.Sigmoid(),
        nn.Conv2d(6, 4, 3, padding=1), nn.Flatten(), nn.Linear(256, 3),
    )  # fmt: skip
    yield "average of padding", chain(
        dead(nn.Conv2d(1, 6, 3), [0, 2]), nn.AvgPool2d(2, padding=1), nn.Conv2d(6, 4, 3),
        nn.Flatten(), nn.Linear(16, 3),
    )  # fmt: skip
    yield (
        "no bias",
        chain(nn.Flatten(), dead(nn.Linear(64, 8), [1, 3]), nn.ReLU(), nn.Linear(8, 3, bias=False)),
    )
    branches = Branches()
    dead(branches.conv1, [0, 1, 2]), dead(branches.conv2, [0, 3, 4])
    yield "branches", branches


def moved(model):
    """Statistics and biases that are not those of a fresh network."""
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                for tensor in (module.weight, module.bias, module.running_mean, module.running_var):
                    tensor.copy_(torch.rand_like(tensor) + 0.1)
    return model.eval().double()


@pytest.mark.parametrize(("name", "model"), list(networks()))
def test_the_outputs_stay_as_they_are(name, model):
    model = moved(model)
    images = torch.randn(5, 1, 8, 8, dtype=torch.float64)
    folded = copy.deepcopy(model)
    number = fold_constants(folded, images)
    assert torch.allclose(folded(images), model(images), rtol=0, atol=1e-12)
    if name != "average of padding":
        assert number > 0
        weights = zip(folded.parameters(), model.parameters(), strict=False)
        assert any(not torch.equal(a, b) for a, b in weights if a.shape == b.shape)


def test_one_constant_channel_is_left_before_a_padded_convolution():
    model = moved(dict(networks())["padding"])
    fold_constants(model, torch.randn(2, 1, 8, 8, dtype=torch.float64))
    read = (model[2].weight != 0).flatten(2).any(2).any(0)
    assert int(read[[0, 2, 5]].sum()) == 1
    assert bool(read[[1, 3, 4]].all())


def test_a_complex_layer_keeps_its_inputs():
    first, second = (nn.Linear(8, 8, dtype=torch.complex64) for _ in range(2))
    dead(first, [1, 3])
    model = nn.Sequential(nn.Flatten(), first, second)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    assert fold_constants(model, torch.randn(2, 8, dtype=torch.complex64)) == 0
    assert all(torch.equal(before[name], t) for name, t in model.state_dict().items())
