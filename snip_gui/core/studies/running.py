"""The finished run of a recipe as a result of studies. No torch until it is trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from snip_gui.core.engine.training import TrainingWork
from snip_gui.core.runs import folder as files
from snip_gui.core.runs.folder import read_summary

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.base.environment import Environment
    from snip_gui.core.base.events import Event
    from snip_gui.core.recipe.recipe import Recipe
    from snip_gui.core.training.metrics import MetricPoint


@dataclass(frozen=True, slots=True)
class RunResult:
    """What studies use of a run that has ended.

    Attributes
    ----------
    test_error
        Fraction of misclassified test images after the last step.
    validation_error
        The same of the validation split; None without one.
    sparsity
        Fraction of the prunable parameters that is removed.
    layers
        Number of kept and of all prunable parameters by layer.
    num_steps
        Training steps of all phases.
    num_parameters
        Number of prunable parameters: what the sparsity is a fraction of.
    num_effective
        Number of kept ones on a path from input to output.
    seconds
        Time of scoring and training.
    best_step
        Step of the lowest validation error, counted from the start of the last phase; None without
        a validation split.
    """

    folder: Path
    test_error: float
    validation_error: float | None
    sparsity: float
    num_kept: int
    layers: dict[str, tuple[int, int]]
    num_steps: int = 0
    has_diverged: bool = False
    num_parameters: int = 0
    num_effective: int = 0
    seconds: float = 0.0
    best_step: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunWork:
    """The run of a recipe, trained to its end, and its result."""

    recipe: Recipe
    label: str
    folder: Path
    environment: Environment

    @property
    def name(self) -> str:
        """The name shown to the user."""
        return self.label

    @property
    def _training(self) -> TrainingWork:
        return TrainingWork(recipe=self.recipe, folder=self.folder, environment=self.environment)

    def is_done(self) -> bool:
        """Return whether the run has ended by itself."""
        return self._training.is_done()

    def is_held(self) -> bool:
        """Return whether another program trains it."""
        return self._training.is_held()

    def steps(self, cancel: CancelToken, share: int) -> Generator[Event, None, RunResult | None]:
        """Train from wherever the run is; the result is None if it was stopped."""
        if not self.is_done():
            state = yield from self._training.steps(cancel, share)
            if state not in ("finished", "diverged"):
                return None
        return read_result(self.folder)


def read_result(folder: Path) -> RunResult:
    """Return the result of a run that has ended.

    Raises
    ------
    UserError
        If its summary or metrics cannot be read.
    """
    summary = read_summary(folder)
    points, _, _ = files.read_evaluations(folder)
    final = summary.final or files.final_values(points)
    # A network whose loss is not finite classifies nothing.
    errors = {split: 1 - values.accuracy for split, values in final.items()}
    has_diverged = summary.state == "diverged"
    return RunResult(
        folder,
        1.0 if has_diverged else errors.get("test", float("nan")),
        errors.get("validation"),
        summary.sparsity,
        summary.num_kept,
        {row.layer: (row.kept, row.total) for row in summary.layers},
        summary.step,
        has_diverged,
        summary.num_parameters,
        summary.num_kept - summary.num_off_path,
        summary.score_seconds + summary.seconds,
        _best_step(points, files.read_recipe(folder)),
    )


def _best_step(points: Sequence[MetricPoint], recipe: Recipe) -> int | None:
    """Return the step of the last phase at which the validation error is lowest, the first such."""
    start = sum(phase.epochs for phase in recipe.phases[:-1])
    validation = [p for p in points if p.split == "validation" and p.epoch > start]
    if not validation:
        return None
    best = min(validation, key=lambda p: (p.error, p.step))
    return round(best.step * (1 - start / best.epoch))
