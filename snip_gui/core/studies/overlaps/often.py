"""How often each connection is kept by masks of one network.

Shapes: B connections of a layer, with those that fill up its last byte.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from snip_gui.core.reports.text_tables import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from snip_gui.core.comparing.packed import PackedMask


@dataclass(frozen=True, slots=True)
class Often:
    """Numbers of connections by layer: kept by all masks, by some, and by none."""

    num_masks: int
    always: dict[str, int]
    sometimes: dict[str, int]
    never: dict[str, int]

    @property
    def sentence(self) -> str:
        """The totals in words."""
        always, sometimes = sum(self.always.values()), sum(self.sometimes.values())
        total = always + sometimes + sum(self.never.values())
        return (
            f"{always:,} connections are kept by all {self.num_masks:,} masks, and "
            f"{always + sometimes:,} of {total:,} by at least one."
        )

    @property
    def table(self) -> Table:
        """A row for each layer."""
        rows = tuple(
            (layer, f"{self.always[layer]:,}", f"{self.sometimes[layer]:,}", f"{number:,}")
            for layer, number in self.never.items()
        )
        return Table(("layer", "always", "sometimes", "never"), rows)


def count_often(masks: Sequence[PackedMask]) -> Often:
    """Count how many masks keep each connection, one mask after another."""
    always, sometimes, never = {}, {}, {}
    for layer, size in masks[0].sizes.items():
        count_B = np.zeros(8 * len(masks[0].packed[layer]), np.uint16)
        for mask in masks:
            count_B += np.unpackbits(mask.packed[layer])
        always[layer] = int((count_B == len(masks)).sum())
        sometimes[layer] = int((count_B > 0).sum()) - always[layer]
        # Bits that only fill up the last byte do not count.
        never[layer] = size - always[layer] - sometimes[layer]
    return Often(len(masks), always, sometimes, never)
