"""Errors and costs of pruning systems as tables. No torch."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from snip_gui.core.base.text import duration_text
from snip_gui.core.recipe.methods import METHODS
from snip_gui.core.recipe.methods.needs import own_settings
from snip_gui.core.reports.text_tables import Table
from snip_gui.core.studies.errors import ErrorAnswer
from snip_gui.core.studies.figures.figure import PERCENT, Chart, Series
from snip_gui.core.studies.systems.published import quoted_rows
from snip_gui.core.studies.words import points_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from snip_gui.core.recipe.recipe import Recipe
    from snip_gui.core.recipe.training import Purpose
    from snip_gui.core.studies.errors import ArmErrors
    from snip_gui.core.studies.systems.published import PublishedRow

PURPOSES: tuple[Purpose, ...] = ("pretraining", "pruning", "training")


@dataclass(frozen=True, eq=False)
class SystemsAnswer(ErrorAnswer):
    """Errors and costs of the systems."""

    @property
    def overview(self) -> Table:
        """Kept fraction, error, cost and published errors of each system.

        The kept fraction is of the connections that the system counts, which is stated; passes
        over the training images are those of pretraining, pruning and training under a mask.
        """
        baseline = self._baseline
        rows = []
        for one in self.arms:
            results = list(one.results.values())
            found = None if baseline is None or one is baseline else one.difference(baseline)
            rows.append(
                (
                    one.label,
                    f"{_kept(one):.2%}",
                    f"{_mean([r.num_effective / max(1, r.num_parameters) for r in results]):.2%}",
                    f"{results[0].num_parameters:,} {_counted(one.arm.recipe)}",
                    mean_text(list(one.errors.values())),
                    "" if found is None else points_text(*found),
                    passes_text(one.arm.recipe),
                    f"{_mean([result.num_steps for result in results]):,.0f}",
                    duration_text(_mean([result.seconds for result in results])),
                    "" if one is baseline else f"{len(own_settings(type(one.arm.recipe.pruning)))}",
                    "; ".join(found.text for found in one.arm.published) or "none",
                )
            )
        rows += [
            (
                row.method.upper(),
                f"{1 - row.sparsity:.2%}",
                *("", "", "not run", *("",) * 5),
                f"{row.error:.2%} ({row.source})",
            )
            for row in self._quoted()
        ]
        headers = ("system", "kept", "effective", "of", "test error",
                   "difference from unpruned", "passes", "steps", "time", "settings",
                   "published")  # fmt: skip
        return Table(headers, tuple(rows))

    @property
    def table(self) -> Table:
        """Every run, with its costs."""
        runs = super().table
        costs = [
            (
                f"{result.num_effective}",
                f"{result.num_parameters}",
                *(f"{count}" for count in passes(one.arm.recipe).values()),
                f"{result.num_steps}",
                f"{result.seconds:.1f}",
                f"{result.folder}",
            )
            for one in self.arms
            for result in one.results.values()
        ]
        rows = tuple((*row, *more) for row, more in zip(runs.rows, costs, strict=True))
        headers = ("effective", "of", *(f"{name} passes" for name in PURPOSES), "training steps",
                   "seconds", "folder")  # fmt: skip
        return Table((*runs.headers, *headers), rows)

    @property
    def figure(self) -> Chart:
        """The errors of each method over the fraction kept, and published errors.

        Bars show a standard deviation over the seeds to each side.
        """
        names: dict[str, list[ArmErrors]] = {}
        for one in self.arms:
            if one is not self._baseline:
                names.setdefault(one.arm.recipe.pruning.method, []).append(one)
        series = [_ours(METHODS[name].title, arms) for name, arms in names.items()]
        series += [_published(name, arms) for name, arms in names.items() if _places(arms)]
        if self._baseline is not None and self.arms[1:]:
            error = self._baseline.interval.estimate
            ends = [x for one in series for x in one.xs]
            line = (min(ends), max(ends)), (error, error)
            series.append(Series("unpruned", *line, origin="reference", has_markers=False))
        series += [
            Series(row.method.upper(), (1 - row.sparsity,), (row.error,), origin="paper")
            for row in self._quoted()
        ]
        return Chart(
            self.study.question,
            "kept",
            "test error",
            tuple(series),
            x_form=PERCENT,
            y_form=PERCENT,
            is_x_log=True,
            is_y_log=True,
        )

    def _comparisons(self, baseline: ArmErrors) -> list[str]:
        """Return a sentence on the arm that is closest to the unpruned network."""
        others = [one for one in self.arms if one is not baseline]
        found = [(one, one.difference(baseline)) for one in others]
        shared = [(one, difference) for one, difference in found if difference is not None]
        if not shared:
            return []
        one, difference = min(shared, key=lambda pair: pair[1][0].estimate)
        return [
            f"Closest to it is {one.label}, with {_kept(one):.2%} kept: {points_text(*difference)}."
        ]

    def _quoted(self) -> Sequence[PublishedRow]:
        return quoted_rows(self.arms[0].arm.recipe)


def passes(recipe: Recipe) -> dict[Purpose, int]:
    """Return the passes over the training images by purpose."""
    counts = dict.fromkeys(PURPOSES, 0)
    for phase in recipe.phases:
        counts[phase.purpose] += phase.epochs
    return counts


def passes_text(recipe: Recipe) -> str:
    """Return the passes in words: ``20 pretraining + 40 pruning``."""
    counts = passes(recipe)
    return " + ".join(f"{count} {name}" for name, count in counts.items() if count)


def mean_text(errors: Sequence[float]) -> str:
    """Return the mean of errors and their sample standard deviation, in percent."""
    if len(errors) == 1:
        return f"{errors[0]:.2%} (one seed)"
    return f"{_mean(errors):.2%} ± {100 * statistics.stdev(errors):.2f} ({len(errors)} seeds)"


def _counted(recipe: Recipe) -> str:
    """Return what the method counts as a connection."""
    return "weights" if recipe.pruning.prunable == "weights" else "weights and biases"


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _kept(one: ArmErrors) -> float:
    return _mean([1 - result.sparsity for result in one.results.values()])


def _ours(label: str, arms: Sequence[ArmErrors]) -> Series:
    """Return the errors of a method, in the order of the fraction kept, with their deviations."""
    arms = sorted(arms, key=_kept)
    errors = [list(one.errors.values()) for one in arms]
    means = [_mean(values) for values in errors]
    spreads = [statistics.stdev(values) if len(values) > 1 else math.inf for values in errors]
    pairs = list(zip(means, spreads, strict=True))
    return Series(
        label,
        tuple(_kept(one) for one in arms),
        tuple(means),
        # The axis is logarithmic: a bar that would reach zero is drawn upwards only.
        tuple(m - s if s < m or math.isinf(s) else m for m, s in pairs),
        tuple(m + s for m, s in pairs),
        group=label,
    )


def _places(arms: Sequence[ArmErrors]) -> list[tuple[float, float]]:
    """Return the fractions kept and errors that were published of arms, without repetitions."""
    found = {
        (1 - published.sparsity, published.error)
        for one in arms
        for published in one.arm.published
        if published.sparsity is not None
    }
    return sorted(found)


def _published(name: str, arms: Sequence[ArmErrors]) -> Series:
    places = _places(arms)
    return Series(
        f"{METHODS[name].title}, published",
        tuple(x for x, _ in places),
        tuple(y for _, y in places),
        origin="paper",
        group=METHODS[name].title,
        is_joined=False,
    )
