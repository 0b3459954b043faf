"""Removal of units without effect from recurrent networks that are no longer trained.

A unit of the projection is dropped if the cell does not read it, or if it has no inputs, in which
case its constant output is folded into the biases of the cell. A unit of the cell is dropped if it
does not reach the classifier, or if its candidate is always zero, because its state then stays at
zero.

Shapes: G gates, U units of the cell, P units of the projection, K classes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

if TYPE_CHECKING:
    from torch import Tensor

    from snip_gui.core.models.paper.recurrent import RowReader

_CANDIDATE = 2  # index in torch's order of gates: r, z, n (GRU); i, f, g, o (LSTM)


@torch.no_grad()
def leave_out_units(reader: RowReader) -> tuple[int, int]:
    """Cut a network to the units that matter, in place; return their number, and the total."""
    cell: Any = reader.cell
    num_units, num_inputs = cell.hidden_size, cell.input_size
    inputs_GUP = cell.weight_ih_l0.double().reshape(-1, num_units, num_inputs)
    states_GUU = cell.weight_hh_l0.double().reshape(-1, num_units, num_units)
    biases_2GU = torch.stack([cell.bias_ih_l0.double(), cell.bias_hh_l0.double()])
    biases_2GU = biases_2GU.reshape(2, -1, num_units)
    scores_KU = reader.fc.weight.double()
    constant_P = (reader.projection.weight == 0).all(1)
    constants_P = reader.projection.bias.double().masked_fill(~constant_P, 0)
    biases_2GU[0] += inputs_GUP @ constants_P
    inputs_GUP[:, :, constant_P] = 0
    stays_U = _alive(inputs_GUP, states_GUU, biases_2GU) & _needed(states_GUU, scores_KU)
    stays_U = _at_least_one(stays_U)
    reads_P = _at_least_one((inputs_GUP[:, stays_U] != 0).any(0).any(0))
    small: Any = type(cell)(int(reads_P.sum()), int(stays_U.sum()), batch_first=True)
    small.weight_ih_l0.copy_(inputs_GUP[:, stays_U][:, :, reads_P].flatten(0, 1))
    small.weight_hh_l0.copy_(states_GUU[:, stays_U][:, :, stays_U].flatten(0, 1))
    small.bias_ih_l0.copy_(biases_2GU[0][:, stays_U].flatten())
    small.bias_hh_l0.copy_(biases_2GU[1][:, stays_U].flatten())
    reader.cell = small
    reader.projection = _take_rows(reader.projection, reads_P)
    classifier = nn.Linear(int(stays_U.sum()), len(scores_KU))
    classifier.weight.copy_(reader.fc.weight[:, stays_U])
    classifier.bias.copy_(reader.fc.bias)
    reader.fc = classifier
    return int(stays_U.sum() + reads_P.sum()), num_units + num_inputs


def _alive(inputs_GUP: Tensor, states_GUU: Tensor, biases_2GU: Tensor) -> Tensor:
    """Return which units (U) are ever nonzero."""
    fed_U = (inputs_GUP[_CANDIDATE] != 0).any(1) | (biases_2GU[:, _CANDIDATE] != 0).any(0)
    alive_U = fed_U
    while True:
        more_U = fed_U | (states_GUU[_CANDIDATE][:, alive_U] != 0).any(1)
        if torch.equal(more_U, alive_U):
            return alive_U
        alive_U = more_U


def _needed(states_GUU: Tensor, scores_KU: Tensor) -> Tensor:
    """Return which units (U) the classifier reads, directly or through other units."""
    read_U = (scores_KU != 0).any(0)
    needed_U = read_U
    while True:
        more_U = read_U | (states_GUU[:, needed_U] != 0).any(0).any(0)
        if torch.equal(more_U, needed_U):
            return needed_U
        needed_U = more_U


def _at_least_one(which: Tensor) -> Tensor:
    """Return a selection of units, with one unit if it is empty: no layer may have none."""
    if not bool(which.any()):
        which = which.clone()
        which[0] = True
    return which


def _take_rows(layer: nn.Linear, which: Tensor) -> nn.Linear:
    """Return a layer with only some of its outputs."""
    small = nn.Linear(layer.in_features, int(which.sum()))
    small.weight.copy_(layer.weight[which])
    small.bias.copy_(layer.bias[which])
    return small
