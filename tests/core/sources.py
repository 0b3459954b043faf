"""Masks of other kinds than a ranking's: ones that do not nest, and ones of groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from snip_gui.core.pruning.mask_source import MaskSource

if TYPE_CHECKING:
    from snip_gui.core.graph.layout import Layout


class Unnested(MaskSource):
    """For every number kept another random choice of connections."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout

    def nearest(self, num_kept):
        return min(max(1, num_kept), self.layout.num_parameters)

    def get_mask(self, tensor, num_kept):
        order_M = np.random.default_rng(num_kept).permutation(self.layout.num_parameters)
        kept_M = np.zeros(self.layout.num_parameters, bool)
        kept_M[order_M[:num_kept]] = True
        return kept_M[tensor.offset : tensor.end].reshape(tensor.shape)


class Units(MaskSource):
    """Keeps all connections into an output unit or none; the first units of each layer first."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        # Each layer keeps the same share of its units, at least one.
        self._sizes = {}
        most = max(tensor.shape[0] for tensor in layout.tensors)
        for step in range(1, most + 1):
            units = {t.name: -(-t.shape[0] * step // most) for t in layout.tensors}
            number = sum(units[t.name] * t.size // t.shape[0] for t in layout.tensors)
            self._sizes.setdefault(number, units)

    def nearest(self, num_kept):
        return min(self._sizes, key=lambda number: (abs(number - num_kept), number))

    def get_mask(self, tensor, num_kept):
        kept = np.zeros(tensor.shape, bool)
        kept[: self._sizes[num_kept][tensor.name]] = True
        return kept
