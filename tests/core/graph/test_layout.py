from __future__ import annotations

import numpy as np
import pytest

from snip_gui.core.graph.layout import num_kept_at, split_flat
from tests.core.toys import layout_of

LAYOUT = layout_of((3, 4), (3,), (2, 3, 2, 1))


@pytest.mark.parametrize(
    ("sparsity", "total", "kept"),
    [  # the counts that follow from the official code's rule, rounded
        (0.9, 266_610, 26_661),
        (0.98, 266_610, 5_332),
        (0.9, 431_080, 43_108),
        (0.98, 431_080, 8_622),  # 8,621.6: truncation would give 8,621
        (0.99, 431_080, 4_311),  # 4,310.8
        (0.0, 266_610, 266_610),
        (0.999999, 266_610, 0),
    ],
)
def test_num_kept_is_rounded(sparsity, total, kept):
    assert num_kept_at(sparsity, total) == kept


def test_tensors_lie_one_after_the_other():
    assert [(t.offset, t.end) for t in LAYOUT.tensors] == [(0, 12), (12, 15), (15, 27)]
    assert LAYOUT.num_parameters == 27


def test_split_flat_gives_views_in_shape():
    flat_M = np.arange(27, dtype=np.float32)
    parts = split_flat(flat_M, LAYOUT)
    assert parts["t2.weight"].shape == (2, 3, 2, 1)
    assert parts["t2.weight"][1, 2, 1, 0] == 26
    flat_M[12] = -1
    assert parts["t1.weight"][0] == -1  # a view: no copy of a large vector


def test_unknown_names_are_key_errors():
    with pytest.raises(KeyError):
        LAYOUT["t9.weight"]
    with pytest.raises(KeyError):
        LAYOUT.get_weight("t1")  # has a vector only
    assert LAYOUT.get_weight("t0") is LAYOUT["t0.weight"]
