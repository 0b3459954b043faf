from __future__ import annotations

import pytest

from snip_gui.core.graph.layout import Layout, TensorSpec
from snip_gui.core.pruning.layer_table import LayerRow, layer_rows

LAYOUT = Layout(
    (
        TensorSpec("a.weight", "a", "linear", (4, 5), 0),
        TensorSpec("a.bias", "a", "linear", (4,), 20),
        TensorSpec("b.weight", "b", "convolution", (2, 3, 1, 1), 24),
    )
)


def test_rows_sum_weights_and_biases_and_distinguish_them():
    first, second = layer_rows(LAYOUT, {"a.weight": 7, "a.bias": 1, "b.weight": 0})
    assert (first.layer, first.shape, first.kept, first.total) == ("a", (4, 5), 8, 24)
    assert (first.weights_kept, first.weights_total) == (7, 20)
    assert (first.biases_kept, first.biases_total) == (1, 4)
    assert first.sparsity == pytest.approx(16 / 24)
    assert not first.is_empty
    assert (second.sparsity, second.biases_total, second.is_empty) == (1, 0, True)


def test_a_layer_with_nothing_but_biases_left_is_empty():
    first, _ = layer_rows(LAYOUT, {"a.weight": 0, "a.bias": 4, "b.weight": 6})
    assert first.is_empty
    assert first.kept == 4


def test_a_layer_with_something_left_never_reads_as_wholly_removed():
    def text(kept):
        return LayerRow("fc1", (300, 784), 235_500, kept, kept, 235_200).sparsity_text

    assert text(0) == "100.00%"
    assert text(9) == ">99.99%"
    assert text(235_500) == "0.00%"
    assert text(23_550) == "90.00%"
