from __future__ import annotations

import pytest
import torch
from torch import nn

from snip_gui.core.graph.single_image import refuses_single_image

IMAGE = torch.ones(1, 2, 4, 4)


def network(*layers):
    return nn.Sequential(nn.Conv2d(2, 3, 3), *layers, nn.Flatten())


@pytest.mark.parametrize("is_training", [True, False])
def test_batch_norm_refuses_one_image_of_one_place_while_it_trains(is_training):
    pooled = network(nn.AdaptiveAvgPool2d(1), nn.BatchNorm2d(3)).train(is_training)
    assert refuses_single_image(pooled, IMAGE) is is_training


def test_batch_norm_of_maps_takes_one_image():
    assert not refuses_single_image(network(nn.BatchNorm2d(3)).train(), IMAGE)


def test_a_network_that_loses_the_axis_of_images_refuses_one():
    class Squeezed(nn.Module):
        def forward(self, images):
            return images.mean((2, 3)).squeeze()

    assert refuses_single_image(Squeezed(), IMAGE)


def test_the_network_the_image_and_random_numbers_stay_as_they_were():
    class InPlace(nn.Module):
        def forward(self, images):
            return images.sub_(0.5)

    model = nn.Sequential(InPlace(), network(nn.BatchNorm2d(3), nn.Dropout(0.5))).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    image, state = IMAGE.clone(), torch.get_rng_state()
    assert not refuses_single_image(model, image)
    assert torch.equal(image, IMAGE)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(model.state_dict()[name], value) for name, value in before.items())
