"""Run folders with the files that say what came of a run, and none of the tensors."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from snip_gui.core.execution.book import write_summary
from snip_gui.core.recipe.json import encode_recipe, with_value
from snip_gui.core.recipe.recipe import Recipe
from snip_gui.core.runs import folder as files
from snip_gui.core.runs.folder import LayerSummary, Summary
from snip_gui.core.training.metrics import COLUMNS, MetricPoint

if TYPE_CHECKING:
    from pathlib import Path


def recipe_with(**changes) -> Recipe:
    """The first recipe with fields changed, dots written as two underscores."""
    recipe = Recipe()
    for name, value in changes.items():
        recipe = with_value(recipe, name.replace("__", "."), value)
    return recipe


def points_of(epochs: int, error: float, steps_per_epoch: int = 13) -> list[MetricPoint]:
    """Training, validation and test points that fall to an error."""
    points = []
    for epoch in range(epochs + 1):
        step, now = epoch * steps_per_epoch, error + (0.9 - error) * 0.5**epoch
        for split, more in (("train", 0.0), ("validation", 0.01), ("test", 0.02)):
            accuracy = 1 - min(1.0, now + (more if epoch < epochs else 0))
            points.append(MetricPoint(step, float(epoch), split, now, accuracy, 0.1, 0.5 * epoch))
    return points


def make_run(
    runs_folder: Path,
    name: str,
    recipe: Recipe,
    *,
    error: float = 0.05,
    epochs: int = 3,
    points: list[MetricPoint] | None = None,
    **changes,
) -> Path:
    """Write a run folder; its network is LeNet-300-100."""
    folder = runs_folder / name
    folder.mkdir(parents=True)
    total = 266_610
    points = points_of(epochs, error) if points is None else points
    values = {
        "state": "finished", "created": "2024-01-01T00:00:00+00:00", "num_parameters": total,
        "num_kept": round(total * (1 - recipe.pruning.sparsity)), "num_zero_scores": 3,
        "num_weights": 266_200, "batch_digest": "00", "mean": (0.1,), "deviation": (0.3,),
        "classes": ("0", "1"), "layers": (LayerSummary(layer="fc1", kept=20, total=200),),
        "device": "cpu", "num_threads": 1, "versions": {}, "seconds": 1.5,
    }  # fmt: skip
    (folder / files.RECIPE).write_text(encode_recipe(recipe), encoding="utf-8")
    write_summary(folder, Summary(**(values | changes)))
    with (folder / files.METRICS).open("w", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *(point.row() for point in points)])
    return folder
