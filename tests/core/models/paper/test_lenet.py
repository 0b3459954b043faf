from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from snip_gui.core.base.errors import UserError
from snip_gui.core.models.paper.lenet import LeNet5Caffe, LeNet300100

IMAGES = torch.randn(3, 1, 28, 28, generator=torch.Generator().manual_seed(0))


def test_lenet_300_100_is_three_layers_with_relu_between():
    model = LeNet300100((1, 28, 28), 10)
    p = dict(model.named_parameters())
    units = IMAGES.reshape(3, 784)
    units = (units @ p["fc1.weight"].T + p["fc1.bias"]).clamp(min=0)
    units = (units @ p["fc2.weight"].T + p["fc2.bias"]).clamp(min=0)
    torch.testing.assert_close(model(IMAGES), units @ p["fc3.weight"].T + p["fc3.bias"])


def test_lenet_5_has_no_relu_after_its_convolutions():
    model = LeNet5Caffe((1, 28, 28), 10)
    p = dict(model.named_parameters())
    maps = functional.conv2d(IMAGES, p["conv1.weight"], p["conv1.bias"])
    maps = maps.unfold(2, 2, 2).unfold(3, 2, 2).amax((4, 5))
    maps = functional.conv2d(maps, p["conv2.weight"], p["conv2.bias"])
    maps = maps.unfold(2, 2, 2).unfold(3, 2, 2).amax((4, 5))
    assert maps.min() < 0
    units = (maps.reshape(3, 800) @ p["fc1.weight"].T + p["fc1.bias"]).clamp(min=0)
    torch.testing.assert_close(model(IMAGES), units @ p["fc2.weight"].T + p["fc2.bias"])


@pytest.mark.parametrize("side", [16, 17, 28, 29, 32])
def test_lenet_5_takes_images_of_other_sizes(side):
    assert LeNet5Caffe((3, side, side), 7)(torch.zeros(2, 3, side, side)).shape == (2, 7)


def test_lenet_5_refuses_images_that_are_too_small():
    with pytest.raises(UserError, match="15x28") as caught:
        LeNet5Caffe((1, 15, 28), 10)
    assert caught.value.field == "model.name"
