"""Published test errors of pruning systems. No torch."""

from __future__ import annotations

import csv
import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from snip_gui.core.base.resources import resource
from snip_gui.core.base.text import sparsity_text
from snip_gui.core.recipe.methods import METHODS
from snip_gui.core.studies.errors import Published

if TYPE_CHECKING:
    from snip_gui.core.recipe.recipe import Recipe


REPRODUCTIONS = frozenset({"aygong/snip-tensorflow", "reproducibility challenge"})
"""Sources that measured a method of others."""


@dataclass(frozen=True, slots=True)
class PublishedRow:
    """A published test error of a pruned network, as a fraction.

    Attributes
    ----------
    dense_error
        Test error of the unpruned network of the same source; None if it is not given.
    """

    method: str
    network: str
    sparsity: float
    dense_error: float | None
    error: float
    source: str


@functools.cache
def published_rows() -> tuple[PublishedRow, ...]:
    """Return all published errors, in the order of their file."""
    with resource("reference", "systems.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    return tuple(
        PublishedRow(
            row["method"],
            row["network"],
            _fraction(row["sparsity_percent"]),
            _fraction(row["dense_error_percent"]) if row["dense_error_percent"] else None,
            _fraction(row["test_error_percent"]),
            row["source"],
        )
        for row in rows
    )


def _fraction(percent: str) -> float:
    return round(float(percent) / 100, 6)


def find_published(recipe: Recipe, sparsity: float | None) -> tuple[Published, ...]:
    """Return what was published of a recipe's method on its network and MNIST.

    Parameters
    ----------
    sparsity
        Only errors at this sparsity; None for those at any, which their source then names.
    """
    if recipe.data.name != "mnist":
        return ()
    found = []
    for row in published_rows():
        if (row.method, row.network) != (recipe.pruning.method, recipe.model.name):
            continue
        if sparsity is not None and abs(row.sparsity - sparsity) > 1e-6:
            continue
        dense = "" if row.dense_error is None else f", dense {row.dense_error:.2%}"
        where = "" if sparsity is not None else f" at {sparsity_text(row.sparsity)}"
        found.append(
            Published(
                row.error,
                f"{row.source}{where}{dense}",
                is_reproduction=row.source in REPRODUCTIONS,
                sparsity=row.sparsity,
            )
        )
    return tuple(found)


def quoted_rows(recipe: Recipe) -> tuple[PublishedRow, ...]:
    """Return rows of systems that this program does not have, on a recipe's network and MNIST."""
    if recipe.data.name != "mnist":
        return ()
    return tuple(
        row
        for row in published_rows()
        if row.network == recipe.model.name and row.method not in METHODS.names
    )
