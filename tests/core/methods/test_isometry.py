"""Approximate isometry: masks hold, and gradient descent ends where it should."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from snip_gui.core.graph.parameters import prunable_parameters
from snip_gui.core.methods.isometry import make_isometric, nearly_orthogonal
from tests.core.toys import SmoothResidualNet

SHAPES = [(12, 30), (30, 12), (16, 16)]


def random_matrix(shape, density):
    generator = torch.Generator().manual_seed(3)
    weight = torch.randn(shape, generator=generator, dtype=torch.float64) / shape[1] ** 0.5
    return weight, torch.rand(shape, generator=generator) < density


def distance(weight):
    """The squared distance of the smaller Gram matrix to the identity."""
    weight = weight if weight.shape[0] <= weight.shape[1] else weight.T
    return float((weight @ weight.T - torch.eye(len(weight), dtype=weight.dtype)).square().sum())


@pytest.mark.parametrize("shape", SHAPES)
def test_a_dense_layer_becomes_orthogonal(shape):
    weight, mask = random_matrix(shape, 1.1)
    found = nearly_orthogonal(weight, mask)
    assert distance(found) < 1e-3 < distance(weight)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("density", [0.5, 0.2])
def test_a_sparse_layer_ends_where_the_slope_of_the_kept_weights_is_flat(shape, density):
    weight, mask = random_matrix(shape, density)
    found = nearly_orthogonal(weight, mask)
    assert not found[~mask].any()
    assert distance(found) < 0.9 * distance(weight * mask)

    def steepness(values):
        free = values.clone().requires_grad_()
        wide = (free * mask) if shape[0] <= shape[1] else (free * mask).T
        loss = (wide @ wide.T - torch.eye(len(wide), dtype=wide.dtype)).square().sum()
        return float(torch.autograd.grad(loss, free)[0].norm())

    assert steepness(found) < 0.02 * steepness(weight * mask)


def test_an_empty_layer_stays_empty():
    weight, mask = random_matrix((4, 6), -1)
    assert not nearly_orthogonal(weight, mask).any()


def test_every_layer_is_moved_and_biases_are_not():
    model = SmoothResidualNet()
    prunable = prunable_parameters(model)
    before = {name: p.detach().clone() for name, p in prunable.items()}
    masks = {name: np.random.default_rng(0).random(p.shape) < 0.5 for name, p in prunable.items()}
    make_isometric(prunable, masks)
    for name, parameter in prunable.items():
        if parameter.dim() == 1:
            assert torch.equal(parameter, before[name])
            continue
        mask = torch.from_numpy(masks[name])
        assert not parameter[~mask].any()
        was = (before[name] * mask).flatten(1)
        assert distance(parameter.detach().flatten(1)) < distance(was)
