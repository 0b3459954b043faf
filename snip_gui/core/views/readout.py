"""What there is to say of one connection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from snip_gui.core.graph.layout import TensorSpec
    from snip_gui.core.pruning.scored import Scored


@dataclass(frozen=True, slots=True)
class Readout:
    """One connection.

    Attributes
    ----------
    rank
        From 1 for the most sensitive.
    leaves_at
        Sparsity from which on it is removed.
    """

    name: str
    position: tuple[int, ...]
    weight: float
    sensitivity: float
    rank: int
    leaves_at: float
    is_kept: bool


def connection_readout(
    scored: Scored, tensor: TensorSpec, position: tuple[int, ...], num_kept: int
) -> Readout:
    """Return weight, sensitivity, rank and the sparsity at which a connection goes."""
    index = tensor.offset + int(np.ravel_multi_index(position, tensor.shape))
    rank = int(scored.ranking.rank_M[index])
    return Readout(
        name=tensor.name,
        position=position,
        weight=float(scored.weight_M[index]),
        sensitivity=float(scored.ranking.score_M[index]),
        rank=rank + 1,
        leaves_at=scored.ranking.leaves_at(rank),
        is_kept=rank < num_kept,
    )


def connection_text(
    scored: Scored, tensor: TensorSpec, position: tuple[int, ...], num_kept: int
) -> str:
    """Return all there is to say of one connection, in a line."""
    found = connection_readout(scored, tensor, position, num_kept)
    return (
        f"{found.name}[{', '.join(map(str, position))}]: "
        f"{'kept' if found.is_kept else 'removed'}, weight {found.weight:+.4f}, "
        f"{scored.score_name} {found.sensitivity:.3e}, rank {found.rank:,}, "
        f"goes at {found.leaves_at:.4%}"
    )


def part_text(
    scored: Scored, tensor: TensorSpec, unit: int | None, source: int | None, num_kept: int
) -> str:
    """Return what is kept of a unit, of an input, or of the kernel between them."""
    ranks = scored.ranking.get_ranks(tensor)
    if unit is not None and source is not None:
        what, part = f"kernel from {source} to {unit}", ranks[unit, source]
    elif unit is not None:
        what, part = f"unit {unit}", ranks[unit]
    elif source is not None:
        what, part = f"input {source}", ranks[:, source]
    else:
        return ""
    kept = int(np.count_nonzero(part < num_kept))
    return f"{tensor.label}, {what}: {kept:,} of {part.size:,} connections kept"
