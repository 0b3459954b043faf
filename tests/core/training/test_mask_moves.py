"""Moves of a mask: every state comes back, in any order."""

from __future__ import annotations

import numpy as np
import pytest
from torch import nn

from snip_gui.core.graph.parameters import prunable_parameters
from snip_gui.core.training.mask_moves import (
    MaskMoves,
    Move,
    count_kept,
    pack_masks,
    packed_size,
    unpack_masks,
)

LAYOUT = prunable_parameters(nn.Sequential(nn.Conv2d(1, 3, 3), nn.Linear(5, 7))).layout


def random_masks(seed):
    rng = np.random.default_rng(seed)
    return {t.name: rng.random(t.shape) < 0.3 for t in LAYOUT.tensors}


@pytest.fixture
def recorded():
    """Some masks, and their moves."""
    states, moves = [random_masks(seed) for seed in range(5)], MaskMoves(packed_size(LAYOUT))
    for step, masks in enumerate(states):
        moves.add(moves.find_move(10 * step, pack_masks(masks, LAYOUT)))
    return states, moves


def test_a_mask_is_the_same_after_packing_and_its_layers_are_counted():
    masks = random_masks(0)
    packed_B = pack_masks(masks, LAYOUT)
    assert packed_B.dtype == np.uint8
    assert len(packed_B) == packed_size(LAYOUT)
    found = unpack_masks(packed_B, LAYOUT)
    assert all(np.array_equal(found[name], mask) for name, mask in masks.items())
    expected = dict.fromkeys(LAYOUT.layers, 0)
    for tensor in LAYOUT.tensors:
        expected[tensor.layer] += int(masks[tensor.name].sum())
    assert count_kept(packed_B, LAYOUT) == expected


@pytest.mark.parametrize("order", [(0, 1, 2, 3, 4), (4, 0, 3, 3, 1), (-1, -5, 2)])
def test_every_state_comes_back_in_any_order(recorded, order):
    states, moves = recorded
    assert moves.steps == (0, 10, 20, 30, 40)
    for number in order:
        found = unpack_masks(moves.mask_after(number), LAYOUT)
        assert all(np.array_equal(found[name], mask) for name, mask in states[number].items())


def test_a_mask_that_stays_is_no_move(recorded):
    states, moves = recorded
    assert moves.find_move(50, pack_masks(states[-1], LAYOUT)) is None
    assert moves.find_move(50, pack_masks(states[0], LAYOUT)) is not None
    nothing = MaskMoves(packed_size(LAYOUT))
    assert nothing.find_move(0, np.zeros(packed_size(LAYOUT), np.uint8)) is not None


def test_moves_that_are_damaged_or_of_another_network_are_refused(recorded):
    _, moves = recorded
    with pytest.raises(ValueError, match="damaged"):
        moves.add(Move(50, b"nonsense"))
    other = MaskMoves(packed_size(LAYOUT) + 1)
    with pytest.raises(ValueError, match="another network"):
        moves.add(other.find_move(0, np.ones(packed_size(LAYOUT) + 1, np.uint8)))
