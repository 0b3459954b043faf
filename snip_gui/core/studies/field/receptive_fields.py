"""Receptive fields: whether hidden units of a pruned network look at one place of the image."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.events import Event, Progress
from snip_gui.core.base.text import sparsity_text
from snip_gui.core.recipe.json import with_value
from snip_gui.core.recipe.methods import METHODS
from snip_gui.core.reports.text_tables import Table
from snip_gui.core.studies.figures.figure import PERCENT, Chart, Series
from snip_gui.core.studies.from_runs import RunsWork, make_runs
from snip_gui.core.studies.intervals import Interval, mean_interval
from snip_gui.core.studies.study import Answer
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

METHODS_COMPARED = ("snip", "iterative-snip", "imp", "random")
SPARSITIES = (0.9, 0.95, 0.98)
_MOST_IMAGES = 2000


class Fields(msgspec.Struct, frozen=True):
    """The receptive fields of the first layer of a trained network.

    Attributes
    ----------
    distance
        See `snip_gui.core.analysis.receptive_fields.relative_distance`; None if undefined.
    kurtosis
        See `snip_gui.core.analysis.receptive_fields.mean_kurtosis`; over test images, with the
        trained weights. None if undefined.
    num_units
        Number of units with at least one input.
    num_inputs
        Mean number of inputs of such a unit.
    """

    distance: float | None
    kurtosis: float | None
    num_units: int
    num_inputs: float


def measure_fields(
    runs: Sequence[RunWork], inputs: Inputs, cancel: CancelToken
) -> Generator[Event, None, Fields]:
    """Measure the receptive fields of a run.

    Raises
    ------
    UserError
        If the first layer is not fully connected to the image.
    Cancelled
        If cancelled meanwhile.
    """
    import torch

    from snip_gui.core.analysis.receptive_fields import mean_kurtosis, relative_distance
    from snip_gui.core.pruning.workbench import build_workbench
    from snip_gui.core.runs.network import read_network

    yield Progress("Measuring receptive fields")
    cancel.raise_if_cancelled()
    (run,) = runs
    network = read_network(run.folder, inputs.environment.trusted_code)
    bench = build_workbench(run.recipe, inputs.environment, inputs.images)
    first, shape = bench.prunable.layout.tensors[0], bench.architecture.input_shape
    if first.kind != "linear" or first.shape[1:] != (math.prod(shape),):
        raise UserError(
            "The first layer of this network is not fully connected to the image.",
            "Choose a network such as LeNet-300-100.",
            field="model.name",
        )
    mask_OI = network.masks[first.name].bool()
    number = min(_MOST_IMAGES, len(inputs.images.test_labels_N))
    images_NCHW, _ = bench.batches("test").batch(slice(0, number))
    weight_OI = network.network.state_dict()[first.name].double() * mask_OI
    has_inputs_O = mask_OI.any(dim=1)
    sums_NO = images_NCHW.cpu().double().flatten(1) @ weight_OI[has_inputs_O].T
    distance = relative_distance(mask_OI.numpy(), shape)
    kurtosis = mean_kurtosis(sums_NO.numpy()) if torch.any(has_inputs_O) else math.nan
    num_units = int(has_inputs_O.sum())
    return Fields(
        None if math.isnan(distance) else distance,
        None if math.isnan(kurtosis) else kurtosis,
        num_units,
        float(mask_OI.sum()) / num_units if num_units else 0.0,
    )


@dataclass(frozen=True)
class ReceptiveFieldsStudy:
    """Methods times sparsities times seeds, all of which are trained."""

    recipe: Recipe
    methods: tuple[str, ...]
    sparsities: tuple[float, ...]
    seeds: tuple[int, ...]
    question = "Does pruning make the receptive fields of hidden units local?"
    unit = "runs"

    @property
    def arms(self) -> tuple[tuple[str, float, Recipe], ...]:
        """Method, sparsity and recipe of each arm."""
        return tuple(
            (name, sparsity, with_value(_of(self.recipe, name), "pruning.sparsity", sparsity))
            for sparsity in self.sparsities
            for name in self.methods
        )

    @property
    def num_works(self) -> int:
        """Number of runs."""
        return len(self.arms) * len(self.seeds)

    def make_works(self, runs_folder: Path, environment: Environment) -> tuple[RunsWork, ...]:
        """Return the runs to measure, seed by seed."""
        named = [
            (
                f"{METHODS[name].title}, {sparsity_text(sparsity)}, seed {seed}",
                with_value(recipe, "seed", seed),
            )
            for seed in self.seeds
            for name, sparsity, recipe in self.arms
        ]
        return tuple(
            RunsWork(
                runs=(run,),
                label=run.label,
                measure="snip_gui.core.studies.field.receptive_fields:measure_fields",
                kind=Fields,
                runs_folder=runs_folder,
                environment=environment,
            )
            for run in make_runs(named, runs_folder, environment)
        )

    def answer(self, results: Sequence[Fields | None]) -> FieldsAnswer:
        """Return the fields of each arm; raises `UserError` without any."""
        number = len(self.arms)
        found = {
            (name, sparsity): fields
            for place, (name, sparsity, _) in enumerate(self.arms)
            if (
                fields := {
                    seed: one
                    for seed, one in zip(self.seeds, results[place::number], strict=True)
                    if one is not None
                }
            )
        }
        if not found:
            raise UserError("No run could be measured.", "See the log for what went wrong.")
        return FieldsAnswer(found, sum(one is None for one in results))


@dataclass(frozen=True, eq=False)
class FieldsAnswer(Answer):
    """The receptive fields by method, sparsity and seed."""

    found: dict[tuple[str, float], dict[int, Fields]]
    num_missing: int = 0

    def _interval(self, arm: tuple[str, float], what: str) -> tuple[Interval, int] | None:
        values = [getattr(one, what) for one in self.found[arm].values()]
        known = [value for value in values if value is not None]
        return (mean_interval(known), len(known)) if known else None

    @property
    def sentence(self) -> str:
        """The answer in words."""
        sparsity = max(sparsity for _, sparsity in self.found)
        parts = []
        for name, at in self.found:
            found = self._interval((name, at), "distance")
            if at != sparsity or found is None:
                continue
            interval, number = found
            verdict = "which does not show that its units are local"
            if interval.high < 1:
                verdict = "so its units are local"
            elif interval.low > 1:
                verdict = "so its units are even wider than the layer"
            parts.append(
                f"With {METHODS[name].title} at {sparsity_text(at)}, two inputs of a unit are "
                f"{interval_text(interval, '.3f', number)} times as far apart as two of the layer, "
                f"{verdict}."
            )
        if self.num_missing:
            parts.append(f"{self.num_missing:,} runs are missing and left out.")
        parts.append(
            "Published (Pellegrini & Biroli 2022; arXiv:2412.06545): iterative magnitude pruning "
            "makes them local. For SNIP nothing is published."
        )
        return " ".join(parts)

    @property
    def overview(self) -> Table:
        """Distance and kurtosis of each arm."""
        rows = []
        for (name, sparsity), fields in self.found.items():
            cells = []
            for what in ("distance", "kurtosis"):
                found = self._interval((name, sparsity), what)
                cells.append(
                    "undefined" if found is None else interval_text(found[0], ".3f", found[1])
                )
            units = mean_interval([float(one.num_units) for one in fields.values()]).estimate
            inputs = mean_interval([one.num_inputs for one in fields.values()]).estimate
            title = METHODS[name].title
            rows.append((title, sparsity_text(sparsity), *cells, f"{units:.0f}", f"{inputs:.1f}"))
        headers = (
            "", "removed", "relative distance", "excess kurtosis", "units with inputs",
            "inputs of a unit",
        )  # fmt: skip
        return Table(headers, tuple(rows))

    @property
    def figure(self) -> Chart:
        """Relative distance over the fraction kept."""
        series = []
        for method in dict.fromkeys(name for name, _ in self.found):
            points = [
                (1 - sparsity, found[0])
                for name, sparsity in sorted(self.found, key=lambda arm: -arm[1])
                if name == method and (found := self._interval((name, sparsity), "distance"))
            ]
            xs, intervals = [x for x, _ in points], [one for _, one in points]
            series.append(Series.of(METHODS[method].title, xs, intervals))
        return Chart(
            "Distance of two inputs of a hidden unit, relative to two of the layer",
            "fraction kept",
            "relative distance (below 1: local)",
            tuple(series),
            x_form=PERCENT,
            is_x_log=True,
        )

    @property
    def table(self) -> Table:
        """Every run."""
        headers = ("method", "sparsity", "seed", "relative distance", "excess kurtosis",
                   "units with inputs", "inputs of a unit")  # fmt: skip
        rows = tuple(
            (
                name,
                f"{sparsity:g}",
                f"{seed}",
                "" if one.distance is None else f"{one.distance:.6f}",
                "" if one.kurtosis is None else f"{one.kurtosis:.6f}",
                f"{one.num_units}",
                f"{one.num_inputs:.3f}",
            )
            for (name, sparsity), fields in self.found.items()
            for seed, one in fields.items()
        )
        return Table(headers, rows)


def _of(recipe: Recipe, method: str) -> Recipe:
    """Return a recipe with another method, on weights alone as all of these methods can."""
    return with_value(with_value(recipe, "pruning.method", method), "pruning.prunable", "weights")


def make_receptive_fields(recipe: Recipe, options: StudyOptions) -> ReceptiveFieldsStudy:
    """Return the study of the chosen methods and sparsities."""
    methods = options.methods or METHODS_COMPARED
    for name in methods:
        METHODS[name]  # refuses unknown names
    return ReceptiveFieldsStudy(recipe, methods, options.sparsities or SPARSITIES, options.seeds)
