"""Sweeps: a recipe at several sparsities, with several seeds and methods."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from snip_gui.core.base.errors import UserError
from snip_gui.core.recipe.json import with_value
from snip_gui.core.recipe.recipe import without_edits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from snip_gui.core.recipe.recipe import Recipe

MOST_RUNS = 1000

SPARSITIES = "0, 50, 80, 90, 95, 98, 99"
"""Default sparsities in percent."""


def parse_sparsities(text: str) -> tuple[float, ...]:
    """Parse sparsities in percent, such as ``0, 50, 99.5 %``; duplicates are dropped.

    Raises
    ------
    UserError
        If there is none, or one is not a number from 0 to below 100.
    """
    found: list[float] = []
    for word in _words(text.replace("%", " ")):
        try:
            percentage = float(word)
        except ValueError:
            percentage = -1.0
        if not 0 <= percentage < 100:
            raise UserError(
                f"“{word}” is not a sparsity.",
                "Write percentages from 0 to below 100, with commas between.",
                field="pruning.sparsity",
            )
        found.append(round(percentage / 100, 12))
    if not found:
        raise UserError("No sparsity is given.", "Enter at least one, such as 90.")
    return tuple(dict.fromkeys(found))


def parse_seeds(text: str) -> tuple[int, ...]:
    """Parse seeds and ranges of seeds, such as ``0-2, 7``; duplicates are dropped.

    Raises
    ------
    UserError
        If there is none, or one is not a whole number.
    """
    found: list[int] = []
    for word in _words(text):
        match = re.fullmatch(r"(\d{1,15})(?:-(\d{1,15}))?", word)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if not first <= last < first + MOST_RUNS:
            raise UserError(
                f"“{word}” is not a seed.",
                "Enter whole numbers or ranges, such as 0, 1 or 0-4.",
                field="seed",
            )
        found += range(first, last + 1)
    if not found:
        raise UserError("No seed is given.", "Enter at least one, such as 0.", field="seed")
    return tuple(dict.fromkeys(found))


def sweep(
    recipe: Recipe, sparsities: Sequence[float], seeds: Sequence[int], methods: Sequence[str] = ()
) -> tuple[Recipe, ...]:
    """Return the recipe at each sparsity with each seed, grouped by seed.

    Parameters
    ----------
    methods
        Further methods to compare with, without edits of the mask. They are left out at sparsity
        0, where there is nothing to prune, and so are edits.

    Raises
    ------
    UserError
        If there would be more than `MOST_RUNS`.
    """
    number = len(sparsities) * len(seeds) * (1 + len(methods))
    if number > MOST_RUNS:
        raise UserError(
            f"This sweep would have {number:,} runs.", f"Choose at most {MOST_RUNS:,} at once."
        )
    made = []
    for seed in seeds:
        seeded = with_value(recipe, "seed", seed)
        for sparsity in sparsities:
            pruned = with_value(seeded, "pruning.sparsity", sparsity)
            if sparsity == 0:
                pruned = without_edits(pruned)
            controls = methods if sparsity else ()
            plain = without_edits(pruned)
            made += [pruned, *(with_value(plain, "pruning.method", name) for name in controls)]
    return tuple(made)


def _words(text: str) -> list[str]:
    """Split text at commas, semicolons and spaces."""
    return [word for word in re.split(r"[,;\s]+", text) if word]
