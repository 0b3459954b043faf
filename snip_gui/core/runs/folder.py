"""Reading a run folder: what was done, with what, and what came of it."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

import msgspec

from snip_gui.core.base.errors import UserError
from snip_gui.core.recipe.json import load_recipe
from snip_gui.core.training.metrics import MetricPoint

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from snip_gui.core.recipe.recipe import Recipe
    from snip_gui.core.training.events import RunState

RECIPE = "recipe.json"
NETWORK = "network.py"
IMAGES = "images"
SUMMARY = "summary.json"
METRICS = "metrics.csv"
INIT = "init.safetensors"
START = "start.safetensors"
BATCH = "batch.safetensors"
SCORES = "scores.safetensors"
MASKS = "masks.safetensors"
CHECKPOINT = "checkpoint.safetensors"


class LayerSummary(msgspec.Struct, frozen=True, kw_only=True):
    """Kept and total prunable parameters of a layer."""

    layer: str
    kept: int
    total: int


class Final(msgspec.Struct, frozen=True, kw_only=True):
    """Loss and accuracy at the end, or where the training was stopped."""

    loss: float
    accuracy: float


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a run.

    Attributes
    ----------
    state
        ``scored``, ``pruned``, ``stopped``, ``finished`` or ``diverged``.
    num_parameters, num_kept
        Prunable parameters, and those the mask keeps.
    final
        Last values by split; empty if nothing was trained.
    trained_part
        What was left out of the training, or why nothing was; empty if not asked for.
    num_off_path
        Kept connections on no path from input to output, which such a training leaves as they are.
    device, num_threads
        Where it was worked out; resuming uses the same thread count.
    """

    format: int = 1
    state: str
    created: str
    num_parameters: int
    num_kept: int
    num_zero_scores: int
    num_weights: int
    batch_digest: str
    data_digest: str = ""
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    classes: tuple[str, ...]
    layers: tuple[LayerSummary, ...]
    step: int = 0
    num_steps: int = 0
    seconds: float = 0.0
    score_seconds: float = 0.0
    final: dict[str, Final] = {}
    best_validation_error: float | None = None
    message: str = ""
    trained_part: str = ""
    num_off_path: int = 0
    device: str
    num_threads: int
    data_folder: str = ""
    versions: dict[str, str]

    @property
    def sparsity(self) -> float:
        """Fraction removed, as reached."""
        return 1 - self.num_kept / self.num_parameters


def read_recipe(folder: Path, *, to_look: bool = True) -> Recipe:
    """Read the recipe of a run; raises `UserError` if there is none or it is damaged.

    Unless it is only looked at, also if a package is not installed that it needs.
    """
    return load_recipe(folder / RECIPE, to_look=to_look)


def read_summary(folder: Path) -> Summary:
    """Read the summary of a run; raises `UserError` if there is none or it is damaged."""
    path = folder / SUMMARY
    try:
        return msgspec.json.decode(path.read_bytes(), type=Summary)
    except (OSError, msgspec.DecodeError) as error:
        raise UserError(
            f"“{path}” cannot be read: {error}.", "Choose the folder of a run."
        ) from error


def read_metrics(folder: Path) -> list[MetricPoint]:
    """Read the metric points of a run; a last line that was cut off is left out."""
    return [MetricPoint.from_row(line.split(",")) for line in _metric_lines(folder)]


def read_evaluations(folder: Path) -> tuple[list[MetricPoint], float, float]:
    """Read what was measured on the held-out splits; quick, as those are few among many points.

    Returns
    -------
    points
        Those of the validation and the test images.
    epoch, seconds
        How far the last point of any split is.
    """
    lines = _metric_lines(folder)
    points = [MetricPoint.from_row(line.split(",")) for line in lines if ",train," not in line]
    if not lines:
        return points, 0.0, 0.0
    last = MetricPoint.from_row(lines[-1].split(","))
    return points, last.epoch, last.seconds


def _metric_lines(folder: Path) -> list[str]:
    """Return the rows of ``metrics.csv`` without the header and a last one that was cut off."""
    try:
        text = (folder / METRICS).read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    return text[: text.rfind("\n") + 1].splitlines()[1:]


def new_run_folder(runs_folder: Path, recipe: Recipe) -> Path:
    """Return a path for a new run that does not exist yet, named after time and recipe."""
    now = datetime.datetime.now().astimezone()
    sparsity = f"{recipe.pruning.sparsity:.2%}".rstrip("%")
    network = recipe.model.symbol if recipe.model.name == "own" else recipe.model.name
    network = network.replace(":", "-")  # no part of a file's name on every system
    base = f"{now:%Y%m%d-%H%M%S}-{network}-{recipe.data.name}-{sparsity}"
    folder = runs_folder / base
    number = 2
    while folder.exists():
        folder = runs_folder / f"{base}-{number}"
        number += 1
    return folder


def final_values(points: list[MetricPoint]) -> dict[str, Final]:
    """Return the last values of each split."""
    return {p.split: Final(loss=p.loss, accuracy=p.accuracy) for p in points}


def best_validation_error(points: list[MetricPoint]) -> float | None:
    """Return the lowest error on the validation split, None if it was never measured."""
    errors = [point.error for point in points if point.split == "validation"]
    return min(errors, default=None)


def error_at_best(points: Sequence[MetricPoint]) -> float | None:
    """Return the test error where the validation error was lowest first, None if not measured."""
    validation = [point for point in points if point.split == "validation"]
    best = min(validation, key=lambda point: point.error, default=None)
    if best is None:
        return None
    at_best = (p.error for p in points if p.split == "test" and p.step == best.step)
    return next(at_best, None)


def get_run_state(summary: Summary) -> RunState:
    """Return the state of a summary; raises `UserError` for one this version does not know."""
    match summary.state:
        case "scored" | "pruned" | "stopped" | "finished" | "diverged" as state:
            return state
    raise UserError(
        f"The run is in the state “{summary.state}”, which is not known.",
        "It was made by a newer version of this program; update it.",
    )
