"""What a mask keeps of each layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from snip_gui.core.graph.layout import Layout


@dataclass(frozen=True, slots=True)
class LayerRow:
    """The kept and total connections of a layer: all of them, and its weights."""

    layer: str
    shape: tuple[int, ...]
    total: int
    kept: int
    weights_kept: int
    weights_total: int

    @property
    def sparsity(self) -> float:
        """Fraction removed."""
        return 1 - self.kept / self.total

    @property
    def sparsity_text(self) -> str:
        """The sparsity in percent; 100.00% only if nothing is kept."""
        text = f"{self.sparsity:.2%}"
        return ">99.99%" if self.kept and text == "100.00%" else text

    @property
    def is_empty(self) -> bool:
        """Whether no weight is kept, so that nothing passes through this layer."""
        return self.weights_kept == 0

    @property
    def biases_kept(self) -> int:
        """Number of kept biases."""
        return self.kept - self.weights_kept

    @property
    def biases_total(self) -> int:
        """Number of prunable biases."""
        return self.total - self.weights_total


def layer_rows(layout: Layout, counts: Mapping[str, int]) -> tuple[LayerRow, ...]:
    """Return one row per layer from the kept counts of its tensors."""
    rows = []
    for layer in layout.layers:
        tensors = layout.get_tensors(layer)
        weights = [tensor for tensor in tensors if tensor.is_weight]
        rows.append(
            LayerRow(
                layer=layer,
                shape=weights[0].shape if weights else tensors[0].shape,
                total=sum(tensor.size for tensor in tensors),
                kept=sum(counts[tensor.name] for tensor in tensors),
                weights_kept=sum(counts[tensor.name] for tensor in weights),
                weights_total=sum(tensor.size for tensor in weights),
            )
        )
    return tuple(rows)
