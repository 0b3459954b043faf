"""Readout of a single connection."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from snip_gui.core.base.text import sparsity_text
from snip_gui.core.pruning.edits.edited import EditedRanking
from snip_gui.core.pruning.edits.resolving import FREE

if TYPE_CHECKING:
    from snip_gui.core.graph.layout import TensorSpec
    from snip_gui.core.pruning.scored import Scored


@dataclass(frozen=True, slots=True)
class Readout:
    """What is known about a connection.

    Attributes
    ----------
    score
        None for a method without scores.
    rank
        1 for the highest score; None without a ranking.
    leaves_at
        Removal sparsity; None if masks are not nested.
    is_edited
        Whether it is kept or removed by hand.
    """

    name: str
    position: tuple[int, ...]
    weight: float
    score: float | None
    rank: int | None
    leaves_at: float | None
    is_kept: bool
    is_edited: bool = False


def connection_readout(
    scored: Scored, tensor: TensorSpec, position: tuple[int, ...], num_kept: int
) -> Readout:
    """Return the readout of a connection."""
    index = tensor.offset + int(np.ravel_multi_index(position, tensor.shape))
    masks, ranking = scored.masks, scored.ranking
    leaves_at = masks.removal(tensor, operator.itemgetter(position))
    return Readout(
        name=tensor.name,
        position=position,
        weight=float(scored.weight_M[index]),
        score=None if masks.scores is None else float(masks.scores[index]),
        rank=None if ranking is None else int(ranking.rank_M[index]) + 1,
        leaves_at=None if leaves_at is None else float(leaves_at),
        is_kept=masks.keeps(tensor, position, num_kept),
        is_edited=isinstance(masks, EditedRanking) and masks.state_M[index] != FREE,
    )


def connection_text(
    scored: Scored, tensor: TensorSpec, position: tuple[int, ...], num_kept: int
) -> str:
    """Return the readout of a connection as a line of text."""
    found = connection_readout(scored, tensor, position, num_kept)
    state = "kept" if found.is_kept else "removed"
    state += " by hand" if found.is_edited else ""
    parts = [state, f"weight {found.weight:+.4f}"]
    if found.score is not None:
        parts.append(f"{scored.score_name} {found.score:.3e}")
    if found.rank is not None:
        parts.append(f"rank {found.rank:,}")
    if found.leaves_at is not None:
        parts.append(f"removed above {sparsity_text(found.leaves_at)} sparsity")
    return f"{found.name}[{', '.join(map(str, position))}]: {', '.join(parts)}"


def part_text(
    scored: Scored, tensor: TensorSpec, unit: int | None, source: int | None, num_kept: int
) -> str:
    """Return how much is kept of a unit, an input, or the kernel between them."""
    what: str
    part: tuple[int | slice, ...]
    if unit is not None and source is not None:
        what, part = f"kernel from {source} to {unit}", (unit, source)
    elif unit is not None:
        what, part = f"unit {unit}", (unit,)
    elif source is not None:
        what, part = f"input {source}", (slice(None), source)
    else:
        return ""
    kept = scored.masks.cutter(tensor, operator.itemgetter(part))(num_kept)
    return f"{tensor.label}, {what}: {kept.sum():,} of {kept.size:,} connections kept"
