"""Signed scores into and out of each hidden unit are equal."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from snip_gui.core.analysis.conservation import measure_conservation
from snip_gui.core.base.errors import UserError
from tests.core.analysis.test_removal import batch, network


def test_sums_are_those_of_plain_autograd_and_equal_each_other():
    model = network(6, 5, 4, 3)
    images, labels = batch(6, 3)
    found = measure_conservation(model, images, labels)
    assert [one.layer for one in found] == ["1", "3", "5"]
    exact = network(6, 5, 4, 3).double()
    functional.cross_entropy(exact(images.double()), labels).backward()
    signed = {name: (p * p.grad).detach().numpy() for name, p in exact.named_parameters()}
    np.testing.assert_allclose(found[0].incoming_U, signed["1.weight"].sum(1) + signed["1.bias"])
    np.testing.assert_allclose(found[0].outgoing_U, signed["3.weight"].sum(0))
    np.testing.assert_allclose(found[1].outgoing_U, signed["5.weight"].sum(0))
    assert found[2].outgoing_U is None
    assert found[2].deviation is None
    assert max(one.deviation for one in found[:2]) < 1e-12
    assert all(np.ptp(one.incoming_U) > 1e-3 for one in found)
    for one, layer in zip(found, ("1", "3", "5"), strict=True):
        parts = np.concatenate([signed[f"{layer}.{part}"].ravel() for part in ("weight", "bias")])
        assert one.num_connections == len(parts)
        assert one.mean_size == pytest.approx(abs(parts).mean())
        assert one.total == pytest.approx(parts.sum())


def test_a_unit_that_does_not_conserve_is_noticed():
    found, *_ = measure_conservation(network(6, 5, 4, 3), *batch(6, 3))
    found.incoming_U[2] += abs(found.outgoing_U).max()
    assert found.deviation > 0.4


def test_other_networks_are_refused():
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 4), nn.Sigmoid(), nn.Linear(4, 3))
    with pytest.raises(UserError, match="not a chain"):
        measure_conservation(model, torch.randn(2, 1, 1, 4), torch.tensor([0, 1]))
