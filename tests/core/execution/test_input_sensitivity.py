"""The input sensitivity against finite differences, and with a mask."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from snip_gui.core.execution.input_sensitivity import input_sensitivity


def test_it_is_the_derivative_by_the_input_times_the_input():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(2 * 3 * 4, 5), nn.Tanh(), nn.Linear(5, 3))
    model = model.double()
    inputs_NCHW, labels_N = torch.randn(6, 2, 3, 4).double(), torch.tensor([0, 1, 2, 0, 1, 2])
    found_HW = input_sensitivity(model, inputs_NCHW, labels_N)
    step, expected_HW = 1e-6, np.zeros((3, 4))

    @torch.no_grad()
    def loss(image, label):
        return float(nn.functional.cross_entropy(model(image[None]), label[None]))

    for image, label in zip(inputs_NCHW, labels_N, strict=True):
        for place in np.ndindex(2, 3, 4):
            more, less = image.clone(), image.clone()
            more[place] += step
            less[place] -= step
            slope = (loss(more, label) - loss(less, label)) / (2 * step)
            expected_HW[place[1:]] += abs(float(image[place]) * slope) / len(inputs_NCHW)
    np.testing.assert_allclose(found_HW, expected_HW, rtol=1e-4)


def test_an_in_place_first_layer_changes_neither_images_nor_result():
    torch.manual_seed(0)
    tail = [nn.Flatten(), nn.Linear(16, 3)]
    inputs_NCHW, labels_N = torch.randn(4, 1, 4, 4), torch.tensor([0, 1, 2, 0])
    before = inputs_NCHW.clone()
    results = [
        input_sensitivity(nn.Sequential(nn.ReLU(inplace=inplace), *tail), inputs_NCHW, labels_N)
        for inplace in (True, False)
    ]
    assert torch.equal(inputs_NCHW, before)
    np.testing.assert_array_equal(*results)
