from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from snip_gui.core.pruning.connectivity import first_ranks, reach


@st.composite
def chains(draw):
    """Matrices (O, I) of a chain; a layer may see each unit before as a block of inputs."""
    widths = draw(st.lists(st.integers(1, 4), min_size=2, max_size=4))
    blocks = draw(st.lists(st.integers(1, 3), min_size=len(widths) - 1, max_size=len(widths) - 1))
    blocks[0] = 1
    matrices = []
    for before, after, block in zip(widths, widths[1:], blocks, strict=False):
        size = after * before * block
        bits = draw(st.lists(st.booleans(), min_size=size, max_size=size))
        matrices.append(np.array(bits, bool).reshape(after, before * block))
    return matrices


def paths(matrices):
    """Every path from an input to an output as the units it visits, by trying them all."""
    widths = [matrices[0].shape[1], *(m.shape[0] for m in matrices)]
    for units in itertools.product(*map(range, widths)):
        joined = True
        for number, matrix in enumerate(matrices):
            block = matrix.shape[1] // widths[number]
            inputs = range(units[number] * block, (units[number] + 1) * block)
            joined = joined and any(matrix[units[number + 1], i] for i in inputs)
        if joined:
            yield units


@given(chains())
def test_reach_agrees_with_a_search_of_all_paths(matrices):
    names = [f"layer{number}" for number in range(len(matrices))]
    found = reach(names, dict(zip(names, matrices, strict=True)).__getitem__)
    every = list(paths(matrices))
    assert found.num_outputs == matrices[-1].shape[0]
    assert found.num_reached == len({path[-1] for path in every})
    expected = {
        name: (len({path[number + 1] for path in every}), matrices[number].shape[0])
        for number, name in enumerate(names)
    }
    assert found.alive_units == expected


def test_a_kernel_connects_if_any_of_its_weights_is_kept():
    rank = np.random.default_rng(0).permutation(150).astype(np.int32).reshape(2, 3, 5, 5)
    for num_kept in range(151):
        expected = (rank < num_kept).any(axis=(2, 3))
        np.testing.assert_array_equal(first_ranks(rank) < num_kept, expected)


def test_a_matrix_is_its_own_connection():
    rank = np.arange(4, dtype=np.int32).reshape(2, 2)
    np.testing.assert_array_equal(first_ranks(rank), rank)
