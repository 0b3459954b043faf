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
    runs
        The runs; each has a test error.
    """

    sparsity: float
    runs: tuple[RunEntry, ...]

    @property
    def errors(self) -> tuple[float, ...]:
        """Final test error of each run."""
        return tuple(entry.test_error for entry in self.runs if entry.test_error is not None)

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
    """Runs that differ only in sparsity and seed, by increasing sparsity.

    Attributes
    ----------
    label
        Network, data, method, and whatever else distinguishes it from the other series.
    brief
        The same without a network and data that all series share.
    """

    label: str
    brief: str
    levels: tuple[SparsityLevel, ...]


def error_series(entries: Sequence[RunEntry]) -> tuple[Series, ...]:
    """Return the finished runs as series with distinct labels."""
    grouped: dict[Recipe, list[RunEntry]] = defaultdict(list)
    for entry in entries:
        if entry.state == "finished" and entry.recipe is not None and entry.test_error is not None:
            grouped[_without_seed_and_sparsity(entry.recipe)].append(entry)
    labels = _labels({key: members[0] for key, members in grouped.items()})
    return tuple(Series(*labels[key], _levels(members)) for key, members in grouped.items())


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
    runs: dict[float, list[RunEntry]] = defaultdict(list)
    for entry in entries:
        assert entry.recipe is not None
        runs[entry.recipe.pruning.sparsity].append(entry)
    return tuple(SparsityLevel(sparsity, tuple(runs[sparsity])) for sparsity in sorted(runs))


def _without_seed_and_sparsity(recipe: Recipe) -> Recipe:
    pruning = msgspec.structs.replace(recipe.pruning, sparsity=0)
    return msgspec.structs.replace(recipe, pruning=pruning, seed=0)


def _labels(series: dict[Recipe, RunEntry]) -> dict[Recipe, tuple[str, str]]:
    """Return label and brief label of each series.

    Fields that only some methods have are implied by the method.
    """
    table = differences([("", recipe) for recipe in series])
    titles = [(entry.network, entry.dataset) for entry in series.values()]
    differs = [len(set(column)) > 1 for column in zip(*titles, strict=True)]
    labels = {}
    for number, (recipe, entry) in enumerate(series.items(), 1):
        words = [entry.method]
        words += [
            f"{row[0].partition(' (')[0]} {row[number]}"
            for row in table.rows
            if NOTHING not in row and not any(f"({path})" in row[0] for path in _IN_LABEL)
        ]
        title = (entry.network, entry.dataset)
        brief = [word for word, is_needed in zip(title, differs, strict=True) if is_needed]
        labels[recipe] = ", ".join((*title, *words)), ", ".join((*brief, *words))
    return labels
