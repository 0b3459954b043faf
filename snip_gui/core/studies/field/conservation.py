"""Whether signed sensitivity is conserved in hidden units, and what that means for layers.

Each hidden layer passes on the same total, so the fewer connections a layer has, the larger are
their scores: a global ranking favours small layers (Tanaka, Kunin, Yamins & Ganguli 2020).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from snip_gui.core.base.events import Event, Progress
from snip_gui.core.reports.text_tables import Table
from snip_gui.core.studies.figures.figure import Chart, Series
from snip_gui.core.studies.intervals import mean_interval
from snip_gui.core.studies.measuring import MeasuringStudy
from snip_gui.core.studies.study import Answer
from snip_gui.core.studies.words import interval_text

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.pruning.scored import Scored
    from snip_gui.core.pruning.workbench import Workbench
    from snip_gui.core.recipe.recipe import Recipe
    from snip_gui.core.studies.catalogue import StudyOptions


class LayerScores(msgspec.Struct, frozen=True):
    """Scores of a layer, in double precision.

    Attributes
    ----------
    total
        Sum of the signed scores, weight times gradient.
    mean_size
        Mean absolute score of a connection.
    num_connections
        Number of weights and biases.
    deviation
        Largest difference between what enters one of its units and what leaves it, relative to the
        largest sum of the layer; None for the last layer, which has no outgoing connections.
    """

    layer: str
    total: float
    mean_size: float
    num_connections: int
    deviation: float | None


class Sums(msgspec.Struct, frozen=True):
    """Scores of all layers, from the first."""

    layers: tuple[LayerScores, ...]


def measure_sums(
    bench: Workbench, _scored: Scored, cancel: CancelToken
) -> Generator[Event, None, Sums]:
    """Sum the signed scores of each layer and hidden unit.

    Raises
    ------
    UserError
        If the network is not fully connected with ReLU.
    Cancelled
        If cancelled meanwhile.
    """
    from snip_gui.core.analysis.conservation import measure_conservation

    yield Progress("Summing signed scores")
    cancel.raise_if_cancelled()
    _, images_KCHW, labels_K = bench.minibatch
    layers = measure_conservation(bench.model, images_KCHW, labels_K)
    return Sums(
        tuple(
            LayerScores(one.layer, one.total, one.mean_size, one.num_connections, one.deviation)
            for one in layers
        )
    )


@dataclass(frozen=True)
class ConservationStudy(MeasuringStudy):
    """A recipe with several seeds."""

    question = "Is the signed sensitivity that enters a hidden unit equal to what leaves it?"
    measure = "snip_gui.core.studies.field.conservation:measure_sums"
    kind = Sums

    def answer(self, results: Sequence[Sums | None]) -> ConservationAnswer:
        """Return the sums of the seeds; raises `UserError` without any."""
        found = self.by_seed(results)
        return ConservationAnswer(found, len(results) - len(found))


@dataclass(frozen=True, eq=False)
class ConservationAnswer(Answer):
    """The sums of each seed."""

    found: tuple[tuple[int, Sums], ...]
    num_missing: int = 0

    @property
    def sentence(self) -> str:
        """The answer in words."""
        deviations = [
            layer.deviation
            for _, sums in self.found
            for layer in sums.layers
            if layer.deviation is not None
        ]
        sizes = {
            layer: float(np.mean([_find(sums, layer).mean_size for _, sums in self.found]))
            for layer in self._layers
        }
        most, least = max(sizes, key=lambda k: sizes[k]), min(sizes, key=lambda k: sizes[k])
        text = ""
        if deviations:
            text = (
                "What enters each hidden unit is what leaves it: they differ by at most "
                f"{max(deviations):.1e} of the largest sum. "
            )
        ratio = sizes[most] / sizes[least] if sizes[least] else float("inf")
        text += (
            f"So layers share the same total, and a connection of {most} scores {ratio:.0f} times "
            f"as much on average as one of {least}."
        )
        if self.num_missing:
            text += f" {self.num_missing} seeds could not be measured and are left out."
        return text

    @property
    def overview(self) -> Table:
        """Totals and mean absolute scores of each layer."""
        rows = []
        for layer in self._layers:
            found = [_find(sums, layer) for _, sums in self.found]
            sizes = mean_interval([one.mean_size for one in found])
            known = [one.deviation for one in found if one.deviation is not None]
            rows.append(
                (
                    layer,
                    f"{found[0].num_connections}",
                    interval_text(sizes, ".3g", len(found)),
                    f"{max(known):.1e}" if known else "",
                )
            )
        headers = ("layer", "connections", "mean absolute score", "largest deviation")
        return Table(headers, tuple(rows))

    @property
    def figure(self) -> Chart:
        """The mean absolute score of a connection over the size of its layer."""
        layers = [[_find(sums, layer) for _, sums in self.found] for layer in self._layers]
        layers.sort(key=lambda found: found[0].num_connections)
        means = [mean_interval([one.mean_size for one in found]) for found in layers]
        names = ", ".join(found[0].layer for found in layers)
        return Chart(
            f"The smaller the layer, the larger its scores ({names})",
            "connections in the layer",
            "mean absolute score",
            (
                Series.of(
                    "mean absolute score",
                    [float(found[0].num_connections) for found in layers],
                    means,
                ),
            ),
            x_form=",g",
            is_x_log=True,
            is_y_log=True,
        )

    @property
    def table(self) -> Table:
        """Every layer of every seed."""
        headers = ("seed", "layer", "connections", "total", "mean absolute score", "deviation")
        rows = tuple(
            (
                f"{seed}",
                one.layer,
                f"{one.num_connections}",
                f"{one.total:.9g}",
                f"{one.mean_size:.9g}",
                "" if one.deviation is None else f"{one.deviation:.3g}",
            )
            for seed, sums in self.found
            for one in sums.layers
        )
        return Table(headers, rows)

    @property
    def _layers(self) -> list[str]:
        return [one.layer for one in self.found[0][1].layers]


def _find(sums: Sums, layer: str) -> LayerScores:
    return next(one for one in sums.layers if one.layer == layer)


def make_conservation(recipe: Recipe, options: StudyOptions) -> ConservationStudy:
    """Return the study of a recipe."""
    return ConservationStudy(recipe, options.seeds)
