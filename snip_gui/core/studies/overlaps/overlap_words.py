"""The answer of an overlap study in words."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from snip_gui.core.studies.overlaps.overlap import PairOverlap


def describe_across(pairs: Sequence[PairOverlap]) -> str:
    """Return a sentence on the overlaps of different groups."""
    most, least = max(pairs, key=lambda p: p.mean), min(pairs, key=lambda p: p.mean)
    num_above = sum(pair.num_above for pair in pairs)
    total = sum(len(pair.overlaps) for pair in pairs)
    parts = []
    if len(pairs) > 1:
        mean = statistics.fmean(pair.mean for pair in pairs)
        chance = statistics.fmean(pair.chance for pair in pairs)
        parts.append(
            f"Masks of different groups overlap by {mean:.1%} on average, {mean / chance:.1f} "
            f"times the {chance:.1%} expected by chance; {num_above:,} of {total:,} pairs of masks "
            "overlap more than chance."
        )
        parts.append(f"Most similar are {_one(most)}, least similar {_one(least)}.")
    else:
        parts.append(
            f"The masks of {most.a} and {most.b} overlap by {_mean_text(most)} on average, "
            f"{most.ratio:.1f} times the {most.chance:.1%} expected by chance; "
            f"{num_above:,} of {total:,} pairs of masks overlap more than chance."
        )
        if most.p_value is not None:
            parts.append(
                "If seeds did not matter, an overlap at equal seeds as large as this one would "
                f"have a probability of {most.p_value:.2g}."
            )
    return " ".join(parts)


def describe_within(pairs: Sequence[PairOverlap]) -> str:
    """Return a sentence on the overlaps within groups."""
    parts = [
        f"Two masks of {pair.a} overlap by {_mean_text(pair)} on average, {pair.ratio:.1f} times "
        f"the {pair.chance:.1%} expected by chance; {pair.num_above:,} of {len(pair.overlaps):,} "
        "pairs overlap more than chance."
        for pair in pairs
    ]
    return " ".join(parts)


def _one(pair: PairOverlap) -> str:
    return f"{pair.a} and {pair.b}, which overlap by {_mean_text(pair)}"


def _mean_text(pair: PairOverlap) -> str:
    """Return the mean with the deviation, if there is one."""
    deviation = pair.deviation
    return f"{pair.mean:.1%}" + ("" if deviation is None else f" (deviation {deviation:.1%})")
