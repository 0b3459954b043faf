"""Studies of errors: recipes that are trained with several seeds and compared.

The error is that on the test images after the last step. Arms are compared with a baseline by the
differences of runs that share a seed, which removes what both have in common.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from snip_gui.core.base.errors import UserError
from snip_gui.core.recipe.json import with_value
from snip_gui.core.reports.text_tables import Table
from snip_gui.core.runs.placing import find_folders
from snip_gui.core.studies.figures.error_chart import error_chart
from snip_gui.core.studies.intervals import Interval, fraction_interval, mean_interval
from snip_gui.core.studies.running import RunResult, RunWork
from snip_gui.core.studies.study import Answer, Beside
from snip_gui.core.studies.words import interval_text, points_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from snip_gui.core.base.environment import Environment
    from snip_gui.core.recipe.recipe import Recipe
    from snip_gui.core.studies.figures.figure import Chart

Verdict: TypeAlias = Literal["higher", "lower", "undecided"]


@dataclass(frozen=True, slots=True)
class Published:
    """An error that others published, as a fraction, with its source.

    Attributes
    ----------
    is_reproduction
        Whether it was measured by others than the authors of the method.
    sparsity
        Where it was measured, if the arm does not say so.
    """

    error: float
    source: str
    is_reproduction: bool = False
    sparsity: float | None = None

    @property
    def text(self) -> str:
        """The error in percent, with its source."""
        return f"{self.error:.2%} ({self.source})"


@dataclass(frozen=True, slots=True)
class Arm:
    """Recipes that differ only in the seed, and what others published of them.

    Attributes
    ----------
    x
        Where it is in the figure; None for side by side with the others.
    series
        Name of the line in the figure that it belongs to; empty if there is only one.
    """

    label: str
    recipe: Recipe
    published: tuple[Published, ...] = ()
    x: float | None = None
    series: str = ""


@dataclass(frozen=True)
class ErrorStudy:
    """Arms times seeds.

    Attributes
    ----------
    baseline
        Label of the arm that the others are compared with; empty for no comparison.
    remark
        A sentence on what the answer does not say; empty for none.
    x_label, x_form, is_x_log
        The horizontal axis of the figure, if arms have a place on it.
    """

    question: str
    arms: tuple[Arm, ...]
    seeds: tuple[int, ...]
    baseline: str = ""
    remark: str = ""
    x_label: str = ""
    x_form: str = "g"
    is_x_log: bool = False
    unit = "runs"

    @property
    def num_works(self) -> int:
        """Number of runs."""
        return len(self.arms) * len(self.seeds)

    def make_works(self, runs_folder: Path, environment: Environment) -> tuple[RunWork, ...]:
        """Return the runs, each in the folder that its recipe has everywhere.

        Seed by seed, so that whatever a budget allows compares all arms.
        """
        named = [
            (f"{arm.label}, seed {seed}", with_value(arm.recipe, "seed", seed))
            for seed in self.seeds
            for arm in self.arms
        ]
        folders = find_folders(runs_folder, [recipe for _, recipe in named])
        return tuple(
            RunWork(recipe=recipe, label=label, folder=folder, environment=environment)
            for (label, recipe), folder in zip(named, folders, strict=True)
        )

    def answer(self, results: Sequence[RunResult | None]) -> ErrorAnswer:
        """Return the errors of each arm; raises `UserError` without any."""
        number = len(self.arms)
        arms = tuple(
            ArmErrors(
                arm,
                {
                    seed: result
                    for seed, result in zip(self.seeds, results[place::number], strict=True)
                    if result is not None
                },
            )
            for place, arm in enumerate(self.arms)
        )
        found = tuple(one for one in arms if one.results)
        if not found:
            raise UserError("No run has ended.", "See the log for what went wrong.")
        return ErrorAnswer(self, found, sum(result is None for result in results))


@dataclass(frozen=True, eq=False)
class ArmErrors:
    """Results of the runs of an arm, by seed; those that failed or were deleted are missing."""

    arm: Arm
    results: dict[int, RunResult]

    @property
    def label(self) -> str:
        """Label of the arm."""
        return self.arm.label

    @property
    def errors(self) -> dict[int, float]:
        """Test errors by seed."""
        return {seed: result.test_error for seed, result in self.results.items()}

    @property
    def interval(self) -> Interval:
        """Mean test error with its interval."""
        return fraction_interval(list(self.errors.values()))

    @property
    def text(self) -> str:
        """Mean test error with its interval, in percent."""
        return interval_text(self.interval, ".2%", len(self.results))

    def published_text(self, *, is_reproduction: bool) -> str:
        """Return the published errors with their sources; empty for none."""
        published = self.arm.published
        return "; ".join(one.text for one in published if one.is_reproduction == is_reproduction)

    def difference(self, other: ArmErrors) -> tuple[Interval, int] | None:
        """Return by how much the error exceeds another's, over the seeds that both have."""
        shared = self.errors.keys() & other.errors.keys()
        values = [self.errors[seed] - other.errors[seed] for seed in sorted(shared)]
        return (mean_interval(values), len(values)) if values else None


@dataclass(frozen=True, eq=False)
class ErrorAnswer(Answer):
    """The errors of all arms that have any."""

    study: ErrorStudy
    arms: tuple[ArmErrors, ...]
    num_missing: int = 0
    verdicts: dict[str, Verdict] = field(init=False)

    def __post_init__(self) -> None:
        baseline = self._baseline
        verdicts = {
            one.label: _judge(found[0])
            for one in self.arms
            if baseline is not None
            and one is not baseline
            and (found := one.difference(baseline)) is not None
        }
        object.__setattr__(self, "verdicts", verdicts)

    @property
    def _baseline(self) -> ArmErrors | None:
        return next((one for one in self.arms if one.label == self.study.baseline), None)

    @property
    def sentence(self) -> str:
        """The answer in words."""
        baseline = self._baseline
        if baseline is None:
            best = min(self.arms, key=lambda one: one.interval.estimate)
            worst = max(self.arms, key=lambda one: one.interval.estimate)
            parts = [f"The test error is lowest for {best.label}: {best.text}."]
            if worst is not best:
                parts.append(f"It is highest for {worst.label}: {worst.text}.")
        else:
            name = baseline.label[:1].upper() + baseline.label[1:]
            parts = [f"{name} has a test error of {baseline.text}."]
            parts += self._comparisons(baseline)
        diverged = sum(r.has_diverged for one in self.arms for r in one.results.values())
        if diverged:
            count = "1 run" if diverged == 1 else f"{diverged:,} runs"
            parts.append(f"{count} diverged, which counts as an error of 100%.")
        if self.num_missing:
            missing = self.num_missing
            count = "1 run is" if missing == 1 else f"{missing:,} runs are"
            parts.append(f"{count} missing and left out.")
        if self.study.remark:
            parts.append(self.study.remark)
        return " ".join(parts)

    def _comparisons(self, baseline: ArmErrors) -> list[str]:
        """Return a sentence on each other arm that shares seeds with the baseline."""
        others = [one for one in self.arms if one is not baseline]
        found = [(one.label, one.difference(baseline)) for one in others]
        return [_compare(label, *difference) for label, difference in found if difference]

    @property
    def overview(self) -> Table:
        """Mean error of each arm, its difference from the baseline, and published errors."""
        baseline, rows = self._baseline, []
        published = [one.arm.published for one in self.arms]
        has_paper = any(not found.is_reproduction for row in published for found in row)
        has_reproduced = any(found.is_reproduction for row in published for found in row)
        for one in self.arms:
            row = [one.label, one.text]
            if baseline is not None:
                found = None if one is baseline else one.difference(baseline)
                row.append("" if found is None else points_text(*found))
            if has_paper or has_reproduced:
                row.append(one.published_text(is_reproduction=False) or "none")
            if has_reproduced:
                row.append(one.published_text(is_reproduction=True) or "none")
            rows.append(tuple(row))
        headers = ["", "test error"]
        if baseline is not None:
            headers.append(f"difference from {baseline.label}")
        if has_paper or has_reproduced:
            headers.append("published")
        if has_reproduced:
            headers.append("reproduced by others")
        return Table(tuple(headers), tuple(rows))

    @property
    def beside(self) -> tuple[Beside, ...]:
        """The arms that have a published error."""
        return tuple(
            Beside(
                one.label,
                one.text,
                one.published_text(is_reproduction=False),
                one.published_text(is_reproduction=True),
            )
            for one in self.arms
            if one.arm.published
        )

    @property
    def figure(self) -> Chart:
        """Mean errors with their intervals, and published errors."""
        return error_chart(self)

    @property
    def parts(self) -> tuple[tuple[str, Table], ...]:
        """The fraction kept of each layer, on average over the seeds."""
        layers = tuple(dict.fromkeys(k for r in self._all() for k in r.layers))
        rows = [
            (one.label, *(_mean_kept(one.results.values(), layer) for layer in layers))
            for one in self.arms
        ]
        return (("Kept of each layer", Table(("", *layers), tuple(rows))),)

    @property
    def table(self) -> Table:
        """Every run."""
        headers = ("arm", "seed", "sparsity", "kept", "test error", "validation error", "diverged")
        rows = tuple(
            (
                one.label,
                f"{seed}",
                f"{result.sparsity:.8g}",
                f"{result.num_kept}",
                f"{result.test_error:.6f}",
                "" if result.validation_error is None else f"{result.validation_error:.6f}",
                "yes" if result.has_diverged else "no",
            )
            for one in self.arms
            for seed, result in one.results.items()
        )
        return Table(headers, rows)

    def _all(self) -> list[RunResult]:
        return [result for one in self.arms for result in one.results.values()]


def _mean_kept(results: Iterable[RunResult], layer: str) -> str:
    """Return the fraction of a layer that runs keep on average; empty if none has the layer."""
    counts = [result.layers[layer] for result in results if layer in result.layers]
    shares = [kept / total for kept, total in counts]
    return f"{sum(shares) / len(shares):.3%}" if shares else ""


def _judge(difference: Interval) -> Verdict:
    """Return whether an interval lies above or below zero, or on both sides."""
    if difference.low > 0:
        return "higher"
    return "lower" if difference.high < 0 else "undecided"


def _compare(label: str, difference: Interval, number: int) -> str:
    """Return a sentence on a difference from the baseline."""
    text = points_text(difference, number)
    label = label[:1].upper() + label[1:]
    match _judge(difference):
        case "undecided" if math.isinf(difference.low):
            return f"{label} differs by {text}; more seeds are needed to tell whether by chance."
        case "undecided":
            return f"{label} differs by {text}, which may be chance."
        case verdict:
            return f"{label} has a {verdict} error, by {text}."
