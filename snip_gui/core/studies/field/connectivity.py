"""Linear mode connectivity: the error on the line between two trained networks.

Both start from the same weights and mask, and differ in the order of the training images (Frankle,
Dziugaite, Roy & Carbin 2020, arXiv:1912.05671).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.events import Event, Progress
from snip_gui.core.base.text import sparsity_text
from snip_gui.core.recipe.json import with_value
from snip_gui.core.reports.text_tables import Table
from snip_gui.core.studies.figures.figure import PERCENT, Chart, Series
from snip_gui.core.studies.from_runs import RunsWork, make_runs
from snip_gui.core.studies.intervals import fraction_interval, mean_interval
from snip_gui.core.studies.study import Answer
from snip_gui.core.studies.words import points_text

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.base.environment import Environment
    from snip_gui.core.recipe.recipe import Recipe
    from snip_gui.core.studies.catalogue import StudyOptions
    from snip_gui.core.studies.inputs import Inputs
    from snip_gui.core.studies.running import RunWork

NUM_PARTS = 10
SPARSITIES = (0.0, 0.9, 0.98)


class LineErrors(msgspec.Struct, frozen=True):
    """Test errors along the line, as fractions: those of the two networks are first and last."""

    errors: tuple[float, ...]

    @property
    def barrier(self) -> float:
        """By how much the largest error exceeds the mean of the two ends."""
        return max(self.errors) - (self.errors[0] + self.errors[-1]) / 2


def measure_line(
    runs: Sequence[RunWork], inputs: Inputs, cancel: CancelToken
) -> Generator[Event, None, LineErrors]:
    """Test networks whose weights and buffers lie between those of two runs.

    Raises
    ------
    UserError
        If a run cannot be read.
    Cancelled
        If cancelled meanwhile.
    """
    import torch

    from snip_gui.core.pruning.workbench import build_workbench
    from snip_gui.core.runs.network import read_network
    from snip_gui.core.training.evaluation import evaluation

    trusted = inputs.environment.trusted_code
    first, last = (read_network(run.folder, trusted).network.state_dict() for run in runs)
    bench = build_workbench(runs[0].recipe, inputs.environment, inputs.images)
    test, errors = bench.batches("test"), []
    for part in range(NUM_PARTS + 1):
        yield Progress("Testing networks on the line", part, NUM_PARTS + 1)
        bench.model.load_state_dict(
            {
                name: torch.lerp(values, last[name], part / NUM_PARTS)
                if values.is_floating_point()
                else values
                for name, values in first.items()
            }
        )
        steps = evaluation(bench.model, test)
        while True:
            cancel.raise_if_cancelled()
            try:
                next(steps)
            except StopIteration as end:
                _, accuracy = end.value
                break
        errors.append(1 - accuracy)
    return LineErrors(tuple(errors))


@dataclass(frozen=True)
class ConnectivityStudy:
    """A recipe at several sparsities times seeds, each trained twice."""

    recipe: Recipe
    sparsities: tuple[float, ...]
    seeds: tuple[int, ...]
    question = "Do two runs that differ only in the order of the images end in the same valley?"
    unit = "pairs of runs"

    @property
    def num_works(self) -> int:
        """Number of pairs."""
        return len(self.sparsities) * len(self.seeds)

    def make_works(self, runs_folder: Path, environment: Environment) -> tuple[RunsWork, ...]:
        """Return the pairs, seed by seed."""
        works = []
        for seed in self.seeds:
            for sparsity in self.sparsities:
                recipe = with_value(self.recipe, "pruning.sparsity", sparsity)
                recipe = with_value(recipe, "seed", seed)
                label = f"{_label(sparsity)}, seed {seed}"
                pair = [
                    (f"{label}, order {order}", with_value(recipe, "training.order", order))
                    for order in (0, 1)
                ]
                works.append(
                    RunsWork(
                        runs=tuple(make_runs(pair, runs_folder, environment)),
                        label=label,
                        measure="snip_gui.core.studies.field.connectivity:measure_line",
                        kind=LineErrors,
                        runs_folder=runs_folder,
                        environment=environment,
                    )
                )
        return tuple(works)

    def answer(self, results: Sequence[LineErrors | None]) -> ConnectivityAnswer:
        """Return the lines of each sparsity; raises `UserError` without any."""
        number = len(self.sparsities)
        found = {
            sparsity: lines
            for place, sparsity in enumerate(self.sparsities)
            if (
                lines := {
                    seed: line
                    for seed, line in zip(self.seeds, results[place::number], strict=True)
                    if line is not None
                }
            )
        }
        if not found:
            raise UserError(
                "No pair of runs could be measured.", "See the log for what went wrong."
            )
        return ConnectivityAnswer(found, sum(line is None for line in results))


@dataclass(frozen=True, eq=False)
class ConnectivityAnswer(Answer):
    """The errors on the lines, by sparsity and seed."""

    lines: dict[float, dict[int, LineErrors]]
    num_missing: int = 0

    @property
    def sentence(self) -> str:
        """The answer in words."""
        parts = []
        for sparsity, lines in self.lines.items():
            barrier = mean_interval([line.barrier for line in lines.values()])
            parts.append(
                f"{_label(sparsity).capitalize()}, the highest error on the line exceeds the mean "
                f"of its ends by {points_text(barrier, len(lines))}."
            )
        if self.num_missing:
            parts.append(f"{self.num_missing:,} pairs of runs are missing and left out.")
        parts.append(
            "Published in curves only (arXiv:1912.05671), which call a difference below 2 points "
            "none. No number can stand beside these."
        )
        return " ".join(parts)

    @property
    def overview(self) -> Table:
        """The barrier of each sparsity."""
        rows = []
        for sparsity, lines in self.lines.items():
            barrier = mean_interval([line.barrier for line in lines.values()])
            ends = mean_interval([(x.errors[0] + x.errors[-1]) / 2 for x in lines.values()])
            number = len(lines)
            rows.append((_label(sparsity), f"{ends.estimate:.2%}", points_text(barrier, number)))
        return Table(("", "error of the ends", "barrier"), tuple(rows))

    @property
    def figure(self) -> Chart:
        """The mean error along the line."""
        places = tuple(part / NUM_PARTS for part in range(NUM_PARTS + 1))
        series = []
        for sparsity, lines in self.lines.items():
            errors = zip(*(line.errors for line in lines.values()), strict=True)
            means = [fraction_interval(list(values)) for values in errors]
            series.append(Series.of(_label(sparsity), places, means))
        return Chart(
            "The line between two runs from the same weights",
            "from one run (0) to the other (1)",
            "test error",
            tuple(series),
            y_form=PERCENT,
        )

    @property
    def table(self) -> Table:
        """Every point of every line."""
        headers = ("sparsity", "seed", "place", "test error")
        rows = tuple(
            (f"{sparsity:g}", f"{seed}", f"{part / NUM_PARTS:g}", f"{error:.6f}")
            for sparsity, lines in self.lines.items()
            for seed, line in lines.items()
            for part, error in enumerate(line.errors)
        )
        return Table(headers, rows)


def _label(sparsity: float) -> str:
    return f"{sparsity_text(sparsity)} removed" if sparsity else "unpruned"


def make_connectivity(recipe: Recipe, options: StudyOptions) -> ConnectivityStudy:
    """Return the study of a recipe at the chosen sparsities; raises `UserError` if it has none.

    A method that finds its masks while it trains has other masks in another order, so that the two
    networks are not on one line of sparse networks.
    """
    from snip_gui.core.recipe.methods import find_method

    if find_method(recipe.pruning).masks_for == "training":
        raise UserError(
            "This method finds its masks while it trains, so two runs have different masks.",
            "Choose a method that prunes before training, such as SNIP.",
            field="pruning.method",
        )
    return ConnectivityStudy(recipe, options.sparsities or SPARSITIES, options.seeds)
