"""Training losses published in the paper, for comparison: figures 4 and 7 (section 5.6)."""

from __future__ import annotations

import csv
import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from snip_gui.core.base.resources import resource

if TYPE_CHECKING:
    from snip_gui.core.recipe.recipe import Recipe

FIGURES = (4, 7)
STEPS_PER_EPOCH = 540
"""54,000 images in batches of 100."""


@dataclass(frozen=True, slots=True)
class PaperCurve:
    """Training loss over steps, digitised from a figure; that of single batches, hence noisy."""

    name: str
    steps: tuple[float, ...]
    losses: tuple[float, ...]


def suits(recipe: Recipe) -> bool:
    """Return whether the paper's curves are for a recipe's network and data."""
    return (recipe.model.name, recipe.data.name) == ("lenet-5-caffe", "mnist")


@functools.cache
def paper_curves(figure: int) -> tuple[PaperCurve, ...]:
    """Return the curves of figure 4 or 7."""
    found: dict[str, tuple[list[float], list[float]]] = {}
    with resource("reference", f"figure{figure}.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(line for line in file if not line.startswith("#")):
            steps, losses = found.setdefault(row["curve"], ([], []))
            steps.append(float(row["step"]))
            losses.append(float(row["loss"]))
    return tuple(
        PaperCurve(name, tuple(steps), tuple(losses)) for name, (steps, losses) in found.items()
    )
