"""Figures 4 and 7: how well networks fit shuffled labels, by their training loss.

SNIP scores with the true labels; only training sees the shuffled ones (paper, section 5.6).
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.events import Event, Progress
from snip_gui.core.base.text import sparsity_text
from snip_gui.core.recipe.json import with_value
from snip_gui.core.reports.paper_curves import paper_curves, suits
from snip_gui.core.reports.text_tables import Table
from snip_gui.core.studies.figures.figure import Chart, Series
from snip_gui.core.studies.from_runs import RunsWork, make_runs
from snip_gui.core.studies.intervals import mean_interval
from snip_gui.core.studies.paper.published import PAPER
from snip_gui.core.studies.study import Answer, Beside
from snip_gui.core.studies.words import interval_text

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.base.environment import Environment
    from snip_gui.core.recipe.recipe import Recipe
    from snip_gui.core.studies.catalogue import StudyOptions
    from snip_gui.core.studies.inputs import Inputs
    from snip_gui.core.studies.running import RunWork

LAST = 0.1
"""The loss is averaged over the last tenth of training: 3,000 of the paper's 30,000 steps."""

_MOST_POINTS = 300
_DECAY = 5e-4


class Losses(msgspec.Struct, frozen=True):
    """The training loss of a run.

    Attributes
    ----------
    steps, losses
        Steps, and the mean loss since the one before.
    final
        Mean over the last tenth.
    """

    steps: tuple[int, ...]
    losses: tuple[float, ...]
    final: float


def measure_losses(
    runs: Sequence[RunWork], _inputs: Inputs, cancel: CancelToken
) -> Generator[Event, None, Losses]:
    """Read the training loss of a run; raises `UserError` if it cannot be read."""
    from snip_gui.core.runs.folder import read_metrics

    yield Progress("Reading losses")
    cancel.raise_if_cancelled()
    points = [point for point in read_metrics(runs[0].folder) if point.split == "train"]
    last = [point.loss for point in points if point.step > (1 - LAST) * points[-1].step]
    shown = points[:: -(-len(points) // _MOST_POINTS)]
    return Losses(
        tuple(point.step for point in shown),
        tuple(point.loss for point in shown),
        statistics.fmean(last),
    )


@dataclass(frozen=True, slots=True)
class LossArm:
    """Recipes that differ only in the seed.

    Attributes
    ----------
    curve
        Name of the paper's curve of the same setting.
    """

    label: str
    recipe: Recipe
    curve: str


@dataclass(frozen=True)
class LossStudy:
    """Arms times seeds.

    Attributes
    ----------
    number
        Number of the figure in the paper.
    """

    number: int
    question: str
    arms: tuple[LossArm, ...]
    seeds: tuple[int, ...]
    unit = "runs"

    @property
    def num_works(self) -> int:
        """Number of runs."""
        return len(self.arms) * len(self.seeds)

    def make_works(self, runs_folder: Path, environment: Environment) -> tuple[RunsWork, ...]:
        """Return the runs, seed by seed."""
        named = [
            (f"{arm.label}, seed {seed}", with_value(arm.recipe, "seed", seed))
            for seed in self.seeds
            for arm in self.arms
        ]
        return tuple(
            RunsWork(
                runs=(run,),
                label=run.label,
                measure="snip_gui.core.studies.paper.labels:measure_losses",
                kind=Losses,
                runs_folder=runs_folder,
                environment=environment,
            )
            for run in make_runs(named, runs_folder, environment)
        )

    def answer(self, results: Sequence[Losses | None]) -> LossAnswer:
        """Return the losses of each arm; raises `UserError` without any."""
        number = len(self.arms)
        found = {
            arm.label: losses
            for place, arm in enumerate(self.arms)
            if (
                losses := {
                    seed: one
                    for seed, one in zip(self.seeds, results[place::number], strict=True)
                    if one is not None
                }
            )
        }
        if not found:
            raise UserError("No run has ended.", "See the log for what went wrong.")
        return LossAnswer(self, found, sum(one is None for one in results))


@dataclass(frozen=True, eq=False)
class LossAnswer(Answer):
    """The losses by arm and seed."""

    study: LossStudy
    losses: dict[str, dict[int, Losses]]
    num_missing: int = 0

    def _text(self, label: str) -> str:
        values = [one.final for one in self.losses[label].values()]
        return interval_text(mean_interval(values), ".3f", len(values))

    def _paper(self, arm: LossArm) -> float | None:
        """Return the mean of the paper's curve over the last tenth of its steps."""
        if not suits(arm.recipe):
            return None
        for curve in paper_curves(self.study.number):
            if curve.name == arm.curve:
                pairs = zip(curve.steps, curve.losses, strict=True)
                last = [loss for step, loss in pairs if step > (1 - LAST) * curve.steps[-1]]
                return statistics.fmean(last)
        return None

    @property
    def sentence(self) -> str:
        """The answer in words."""
        parts = [
            f"{arm.label[:1].upper()}{arm.label[1:]}: {self._text(arm.label)}"
            for arm in self.study.arms
            if arm.label in self.losses
        ]
        text = f"Training loss over the last tenth of the steps. {'; '.join(parts)}."
        if self.num_missing:
            text += f" {self.num_missing:,} runs are missing and left out."
        if not suits(self.study.arms[0].recipe):
            text += " The paper's curves are of LeNet-5-Caffe on MNIST, so none stand beside these."
        return f"{text} Chance is 2.303 for ten classes, the natural logarithm of 10."

    @property
    def overview(self) -> Table:
        """The loss at the end of each arm, beside the paper's."""
        rows = []
        for arm in self.study.arms:
            if arm.label in self.losses:
                paper = self._paper(arm)
                text = "none" if paper is None else f"{paper:.3f}"
                rows.append((arm.label, self._text(arm.label), text))
        return Table(("", "training loss at the end", "paper"), tuple(rows))

    @property
    def beside(self) -> tuple[Beside, ...]:
        """The arms that the paper has too."""
        return tuple(
            Beside(
                f"training loss, {arm.label}",
                self._text(arm.label),
                f"{paper:.3f} ({PAPER}, figure {self.study.number}, 30,000 steps)",
                "",
            )
            for arm in self.study.arms
            if arm.label in self.losses and (paper := self._paper(arm)) is not None
        )

    @property
    def figure(self) -> Chart:
        """The curves of the first seed of each arm, and the paper's."""
        series, most = [], 0
        for label, by_seed in self.losses.items():
            one = next(iter(by_seed.values()))
            most = max(most, one.steps[-1])
            series.append(
                Series(label, tuple(map(float, one.steps)), one.losses, has_markers=False)
            )
        for arm in self.study.arms:
            curves = paper_curves(self.study.number) if suits(arm.recipe) else ()
            for curve in curves:
                if curve.name == arm.curve:
                    number = sum(step <= most for step in curve.steps)
                    series.append(
                        Series(
                            f"paper: {arm.label}",
                            curve.steps[:number],
                            curve.losses[:number],
                            origin="paper",
                            has_markers=False,
                        )
                    )
        return Chart(
            f"Figure {self.study.number}: training loss",
            "training step",
            "loss",
            tuple(series),
            x_form=",g",
        )

    @property
    def table(self) -> Table:
        """The loss at the end of every run."""
        headers = ("arm", "seed", "training loss at the end")
        rows = tuple(
            (label, f"{seed}", f"{one.final:.6f}")
            for label, by_seed in self.losses.items()
            for seed, one in by_seed.items()
        )
        return Table(headers, rows)


def make_figure_4(recipe: Recipe, options: StudyOptions) -> LossStudy:
    """Return figure 4: true and shuffled labels, unpruned and at 99 %."""
    true, shuffled = _labels(recipe, "true"), _labels(recipe, "shuffled")
    return LossStudy(
        4,
        "Does SNIP keep a network from fitting random labels? (figure 4)",
        (
            LossArm("true labels", _at(true, 0.0), "true labels, 0%"),
            LossArm("true labels, 99% removed", _at(true, 0.99), "true labels, 99%"),
            LossArm("random labels", _at(shuffled, 0.0), "random labels, 0%"),
            LossArm(
                "random labels, weight decay",
                with_value(_at(shuffled, 0.0), "training.weight_decay", _DECAY),
                "random labels, 0 %, with decay",
            ),
            LossArm("random labels, 99% removed", _at(shuffled, 0.99), "random labels, 99%"),
        ),
        options.seeds,
    )


def make_figure_7(recipe: Recipe, options: StudyOptions) -> LossStudy:
    """Return figure 7: shuffled labels at several sparsities."""
    shuffled = _labels(recipe, "shuffled")
    return LossStudy(
        7,
        "At which sparsity can a network no longer fit random labels? (figure 7)",
        tuple(
            LossArm(
                f"{sparsity_text(sparsity)} removed",
                _at(shuffled, sparsity),
                f"random labels, {sparsity_text(sparsity)}",
            )
            for sparsity in options.sparsities or (0.1, 0.3, 0.5, 0.7, 0.9, 0.99)
        ),
        options.seeds,
    )


def _labels(recipe: Recipe, labels: str) -> Recipe:
    """Return a recipe with labels; shuffled ones are learned without weight decay.

    The paper has a curve with a regulariser beside the others, so they seem to have none.
    """
    found = with_value(recipe, "training.labels", labels)
    return with_value(found, "training.weight_decay", 0.0) if labels == "shuffled" else found


def _at(recipe: Recipe, sparsity: float) -> Recipe:
    return with_value(recipe, "pruning.sparsity", sparsity)
