"""Reads a run folder: recipe, summary and metrics."""

from __future__ import annotations

import itertools
import math
import os
import time
from typing import TYPE_CHECKING, Annotated, TypeAlias

import msgspec
from msgspec import Meta

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.files import open_regular, read_error
from snip_gui.core.base.json_files import read_json
from snip_gui.core.recipe.json import load_recipe
from snip_gui.core.training.metrics import MetricPoint

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
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
NOTES = "notes.json"
PICTURES = ("input_map.png", "layers.png")
CURVES = "curves.png"
MOVES = "mask_moves.bin"
EVENTS = "events.out.tfevents.snip-gui"
"""Metric points for TensorBoard, which reads files with such names."""

ALL_FILES = frozenset(
    (RECIPE, NETWORK, SUMMARY, METRICS, INIT, START, BATCH, SCORES, MASKS, CHECKPOINT, NOTES)
) | {*PICTURES, CURVES, MOVES}
"""Names of all files of a run, except for user-supplied images and leases."""

MOST_BYTES = 64_000_000
"""Largest recipe or summary; those of the largest networks take a few hundred kilobytes."""
_MOST_METRICS_BYTES = 512_000_000
_MOST_LINE_BYTES = 1_000_000
_LINES_PER_LOOK = 10_000

# Bounds far beyond any run: larger values mean a damaged file, or times that cannot be shown.
_Count: TypeAlias = Annotated[int, Meta(ge=0, le=2**53)]
_Seconds: TypeAlias = Annotated[float, Meta(ge=0, le=1e11)]
_Fraction: TypeAlias = Annotated[float, Meta(ge=0, le=1)]


class LayerSummary(msgspec.Struct, frozen=True, kw_only=True):
    """Kept and total prunable parameters of a layer."""

    layer: str
    kept: _Count
    total: Annotated[int, Meta(ge=1, le=2**53)]


class Final(msgspec.Struct, frozen=True, kw_only=True):
    """Loss and accuracy at the end, or when training was stopped."""

    loss: float
    accuracy: _Fraction


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a run.

    Attributes
    ----------
    state
        ``scored``, ``pruned``, ``stopped``, ``finished`` or ``diverged``.
    num_parameters, num_kept
        Numbers of prunable parameters, and of those that are kept.
    final
        Last values by split; empty if there was no training.
    trained_part
        What was left out of training, or why nothing was; empty if not requested.
    num_off_path
        Number of kept connections on no path from input to output; 0 where that is unknown.
    num_edited_kept, num_edited_removed
        Number of connections kept and removed by hand, whatever their scores.
    outside
        Sizes by name of parameters outside prunable layers, which are not ranked.
    remarks
        Sentences with caveats on the numbers.
    device, num_threads
        Where it ran; resuming uses the same thread count.
    recipe_digest
        Digest of the recipe that it started with; empty in runs of older versions.
    """

    format: int = 1
    state: str
    created: str
    num_parameters: Annotated[int, Meta(ge=1, le=2**53)]
    num_kept: _Count
    num_zero_scores: _Count
    num_weights: _Count
    batch_digest: str
    data_digest: str = ""
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    classes: tuple[str, ...]
    layers: tuple[LayerSummary, ...]
    step: _Count = 0
    num_steps: _Count = 0
    seconds: _Seconds = 0.0
    score_seconds: _Seconds = 0.0
    final: dict[str, Final] = {}
    best_validation_error: _Fraction | None = None
    message: str = ""
    trained_part: str = ""
    num_off_path: _Count = 0
    num_edited_kept: _Count = 0
    num_edited_removed: _Count = 0
    outside: dict[str, _Count] = {}
    remarks: tuple[str, ...] = ()
    device: str
    num_threads: Annotated[int, Meta(ge=1, le=2**53)]
    data_folder: str = ""
    recipe_digest: str = ""
    versions: dict[str, str]

    @property
    def sparsity(self) -> float:
        """Fraction actually removed."""
        return 1 - self.num_kept / self.num_parameters


def read_recipe(folder: Path, *, to_look: bool = True) -> Recipe:
    """Read the recipe of a run; raises `UserError` if there is none or it is damaged.

    With ``to_look=False`` also if a package that it needs is not installed.
    """
    return load_recipe(folder / RECIPE, to_look=to_look)


def read_summary(folder: Path) -> Summary:
    """Read the summary of a run; raises `UserError` if there is none or it is damaged."""
    return read_json(folder / SUMMARY, Summary, max_bytes=MOST_BYTES)


def read_metrics(folder: Path) -> list[MetricPoint]:
    """Read the metric points of a run; a truncated last line is ignored.

    Raises
    ------
    UserError
        If they cannot be read.
    """
    return [_read_point(folder, number, line) for number, line in _metric_lines(folder)]


def read_evaluations(
    folder: Path, *, seconds: float = math.inf
) -> tuple[list[MetricPoint], float, float]:
    """Read the points of the validation and test splits only, which is fast.

    Parameters
    ----------
    seconds
        Time limit.

    Returns
    -------
    points
        Points of the validation and test splits.
    epoch, seconds
        Epoch and training time of the last point of any split.

    Raises
    ------
    UserError
        If they cannot be read, or not in time.
    """
    deadline = time.monotonic() + seconds
    points, last = [], (0, "")
    for number, line in _metric_lines(folder):
        last = (number, line)
        if ",train," not in line:
            points.append(_read_point(folder, number, line))
        if number % _LINES_PER_LOOK == 0 and time.monotonic() > deadline:
            raise UserError(
                f"“{folder / METRICS}” cannot be read in {seconds:g} seconds.",
                "It was not written by a training run: remove it, or the run.",
            )
    if not last[0]:
        return points, 0.0, 0.0
    end = _read_point(folder, *last)
    return points, end.epoch, end.seconds


def _metric_lines(folder: Path) -> Iterator[tuple[int, str]]:
    """Yield the rows of ``metrics.csv`` with their line numbers, from 2 on.

    A truncated last row is ignored.
    """
    path = folder / METRICS
    if not os.path.lexists(path):
        return
    try:
        with open_regular(path, max_bytes=_MOST_METRICS_BYTES) as file:
            for number in itertools.count(1):
                line = file.readline(_MOST_LINE_BYTES)
                if not line.endswith(b"\n"):
                    if len(line) < _MOST_LINE_BYTES:
                        return
                    raise ValueError("is too long")
                if number > 1:
                    yield number, line.decode("utf-8").rstrip("\r\n")
    except OSError as error:
        raise read_error(path, error) from error
    except ValueError as error:  # including decoding errors
        raise UserError(
            f"“{path}” cannot be read: line {number:,}: {error}.", "The file is damaged."
        ) from error


def _read_point(folder: Path, number: int, line: str) -> MetricPoint:
    try:
        return MetricPoint.from_row(line.split(","))
    except ValueError as error:
        raise UserError(
            f"“{folder / METRICS}” cannot be read: line {number:,} has {error}.",
            "Correct that line; the curves are drawn from this file.",
        ) from error


def final_values(points: list[MetricPoint]) -> dict[str, Final]:
    """Return the last values of each split."""
    return {p.split: Final(loss=p.loss, accuracy=p.accuracy) for p in points}


def best_validation_error(points: list[MetricPoint]) -> float | None:
    """Return the lowest error on the validation split; None if there are no points."""
    errors = [point.error for point in points if point.split == "validation"]
    return min(errors, default=None)


def error_at_best(points: Sequence[MetricPoint]) -> float | None:
    """Return the test error where the validation error was first lowest; None if unknown."""
    validation = [point for point in points if point.split == "validation"]
    best = min(validation, key=lambda point: point.error, default=None)
    if best is None:
        return None
    at_best = (p.error for p in points if p.split == "test" and p.step == best.step)
    return next(at_best, None)


def get_run_state(summary: Summary) -> RunState:
    """Return the state of a summary; raises `UserError` if this version does not know it."""
    match summary.state:
        case "scored" | "pruned" | "stopped" | "finished" | "diverged" as state:
            return state
    raise UserError(
        f"The run has the unknown state “{summary.state}”.",
        "If a newer version of this program made it, update this one.",
    )
