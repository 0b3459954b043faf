"""Error against sparsity, the standard plot in pruning (figure 1 of the paper)."""

from __future__ import annotations

import csv
import statistics
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from snip_gui.core.base.resources import resource
from snip_gui.core.reports.tables import NOTHING, differences

if TYPE_CHECKING:
    from collections.abc import Sequence

    from snip_gui.core.recipe.recipe import Recipe
    from snip_gui.core.runs.listing import RunEntry

_IN_LABEL = ("model.name", "data.name", "pruning.method")

SOURCE = "Lee, Ajanthan & Torr 2019, Figure 1, read from the figure"
"""Source of the published points, which were digitised from a figure."""


@dataclass(frozen=True, slots=True)
class SparsityLevel:
    """All runs of a series at one sparsity.

    Attributes
    ----------
    errors
        Final test error of each run.
    """

    sparsity: float
    errors: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Mean over the runs."""
        return statistics.fmean(self.errors)

    @property
    def deviation(self) -> float:
        """Sample standard deviation over the runs; 0 for a single one."""
        return statistics.stdev(self.errors) if len(self.errors) > 1 else 0.0


@dataclass(frozen=True, slots=True)
class Series:
    """Runs that differ only in sparsity and seed, by increasing sparsity."""

    label: str
    levels: tuple[SparsityLevel, ...]


def error_series(entries: Sequence[RunEntry]) -> tuple[Series, ...]:
    """Return the finished runs as series with distinct labels."""
    grouped: dict[Recipe, list[RunEntry]] = defaultdict(list)
    for entry in entries:
        if entry.state == "finished" and entry.recipe is not None and entry.test_error is not None:
            grouped[_without_seed_and_sparsity(entry.recipe)].append(entry)
    labels = _labels({key: members[0] for key, members in grouped.items()})
    return tuple(Series(labels[key], _levels(members)) for key, members in grouped.items())


def published(network: str) -> tuple[tuple[float, float], ...]:
    """Return the paper's sparsities and test errors, as fractions, for a network on MNIST.

    Parameters
    ----------
    network
        Title of the network; there are points for LeNet-300-100 and LeNet-5-Caffe.
    """
    with resource("reference", "figure1.csv").open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(line for line in file if not line.startswith("#"))
        return tuple(
            (float(row["sparsity_percent"]) / 100, float(row["test_error_percent"]) / 100)
            for row in rows
            if row["network"] == network
        )


def _levels(entries: Sequence[RunEntry]) -> tuple[SparsityLevel, ...]:
    errors: dict[float, list[float]] = defaultdict(list)
    for entry in entries:
        assert entry.recipe is not None
        assert entry.test_error is not None
        errors[entry.recipe.pruning.sparsity].append(entry.test_error)
    return tuple(SparsityLevel(sparsity, tuple(errors[sparsity])) for sparsity in sorted(errors))


def _without_seed_and_sparsity(recipe: Recipe) -> Recipe:
    pruning = msgspec.structs.replace(recipe.pruning, sparsity=0)
    return msgspec.structs.replace(recipe, pruning=pruning, seed=0)


def _labels(series: dict[Recipe, RunEntry]) -> dict[Recipe, str]:
    """Return a label for each series: network, data, method, and any other difference.

    Fields that only some methods have are implied by the method.
    """
    table = differences([("", recipe) for recipe in series])
    labels = {}
    for number, (recipe, entry) in enumerate(series.items(), 1):
        words = [entry.network, entry.dataset, entry.method]
        words += [
            f"{row[0].partition(' (')[0]} {row[number]}"
            for row in table.rows
            if NOTHING not in row and not any(f"({path})" in row[0] for path in _IN_LABEL)
        ]
        labels[recipe] = ", ".join(words)
    return labels
