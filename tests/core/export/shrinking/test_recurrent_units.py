"""What is left of a recurrent network computes the same."""

from __future__ import annotations

import copy

import pytest
import torch

from snip_gui.core.export.shrinking.recurrent_units import leave_out_units
from snip_gui.core.models.paper.recurrent import RowReader


def reader(cell, sparsity, *, biases):
    torch.manual_seed(0)
    made = RowReader((1, 12, 10), 4, cell=cell, units=24)
    with torch.no_grad():
        for parameter in made.parameters():
            if parameter.dim() > 1:
                parameter.masked_fill_(torch.rand_like(parameter) < sparsity, 0)
            elif biases:
                parameter.copy_(torch.randn_like(parameter) * 0.3)
            else:
                parameter.zero_()
    return made.double().eval()


@pytest.mark.parametrize("cell", ["GRU", "LSTM"])
@pytest.mark.parametrize("sparsity", [0.0, 0.9, 0.97, 1.0])
@pytest.mark.parametrize("biases", [False, True])
def test_the_outputs_stay_as_they_are(cell, sparsity, biases):
    whole = reader(cell, sparsity, biases=biases)
    small = copy.deepcopy(whole)
    kept, total = leave_out_units(small)
    images = torch.randn(6, 1, 12, 10, dtype=torch.float64)
    small = small.double()
    assert torch.allclose(
        small(images), whole(images), rtol=0, atol=1e-6
    )  # cut in single precision
    assert total == 48
    assert small.cell.hidden_size + small.cell.input_size == kept
    if sparsity == 0.0:
        assert kept == total
    elif sparsity >= 0.97:
        assert kept < 0.8 * total
