"""Masks without the network that they belong to, eight connections per byte, and files of them.

Shapes: P masks, L layers, B bytes of a packed mask.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from snip_gui.core.comparing.comparison import Mask


@dataclass(frozen=True, eq=False)
class PackedMask:
    """A mask by layer, which can be sent between processes.

    Attributes
    ----------
    sizes
        Number of connections of each layer.
    packed
        The mask (B) of each layer: its tensors in flat order, each zero-padded to whole bytes.
    """

    sizes: Mapping[str, int]
    packed: Mapping[str, NDArray[np.uint8]]

    @property
    def num_kept(self) -> int:
        """Number of connections that are kept."""
        return sum(int(np.bitwise_count(part).sum()) for part in self.packed.values())


def pack(mask: Mask) -> PackedMask:
    """Return a mask without its network."""
    layout = mask.layout
    sizes = {layer: sum(t.size for t in layout.get_tensors(layer)) for layer in layout.layers}
    packed = {
        layer: np.concatenate([mask.packed[t.name] for t in layout.get_tensors(layer)])
        for layer in layout.layers
    }
    return PackedMask(sizes, packed)


def count_kept(masks: Sequence[PackedMask]) -> NDArray[np.int64]:
    """Return how many connections of each layer (P, L) each mask keeps."""
    return np.array(
        [[np.bitwise_count(part).sum(dtype=np.int64) for part in m.packed.values()] for m in masks],
        np.int64,
    )


def count_both(masks: Sequence[PackedMask]) -> NDArray[np.int64]:
    """Return how many connections of each layer (P, P, L) each pair of masks both keep.

    Raises
    ------
    ValueError
        If the masks are not of the same layers.
    """
    first = masks[0]
    if any(mask.sizes != first.sizes for mask in masks):
        raise ValueError("the masks belong to different networks")
    both_PPL = np.zeros((len(masks), len(masks), len(first.sizes)), np.int64)
    for number, layer in enumerate(first.sizes):
        packed_PB = np.stack([mask.packed[layer] for mask in masks])
        for row, packed_B in enumerate(packed_PB):
            shared = np.bitwise_count(packed_PB[: row + 1] & packed_B).sum(axis=1, dtype=np.int64)
            both_PPL[row, : row + 1, number] = both_PPL[: row + 1, row, number] = shared
    return both_PPL
