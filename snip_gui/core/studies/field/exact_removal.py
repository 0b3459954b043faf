"""The exact effect of removing each connection, against its sensitivity.

SNIP ranks connections by the derivative of the loss with respect to their presence (paper,
equations 3 and 4), in place of the difference that their removal makes (equation 2).
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from snip_gui.core.base.errors import UserError
from snip_gui.core.reports.text_tables import Table
from snip_gui.core.studies.figures.figure import PERCENT, Chart, Series
from snip_gui.core.studies.intervals import mean_interval
from snip_gui.core.studies.measuring import MeasuringStudy
from snip_gui.core.studies.study import Answer
from snip_gui.core.studies.words import interval_text

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.base.events import Event
    from snip_gui.core.pruning.scored import Scored
    from snip_gui.core.pruning.workbench import Workbench
    from snip_gui.core.recipe.recipe import Recipe
    from snip_gui.core.studies.catalogue import StudyOptions

SPARSITIES = (0.5, 0.8, 0.9, 0.95, 0.98, 0.99)
WHOLE = "all layers"


class Agreement(msgspec.Struct, frozen=True):
    """How well sensitivity and exact effect agree.

    Attributes
    ----------
    correlations
        By layer, and for all of them, Spearman's rank correlation of the sensitivity with the
        absolute effect; None if all values of a layer are equal.
    overlaps
        By sparsity, the fraction of the connections with the largest effects that SNIP keeps.
    loss
        Loss of the whole network, in nats.
    largest
        Largest change of the loss by a single connection, in nats.
    num_lowering
        Number of connections whose removal lowers the loss.
    num_connections
        Number of prunable connections.
    """

    correlations: dict[str, float | None]
    overlaps: dict[str, float]
    loss: float
    largest: float
    num_lowering: int
    num_connections: int


def measure_agreement(
    bench: Workbench, scored: Scored, cancel: CancelToken
) -> Generator[Event, None, Agreement]:
    """Remove every connection in turn, and compare with the sensitivities.

    Raises
    ------
    UserError
        If the network is not fully connected with ReLU.
    Cancelled
        If cancelled meanwhile.
    """
    from snip_gui.core.analysis.removal import rank_correlation, removal_effects

    _, images_KCHW, labels_K = bench.minibatch
    layout = bench.prunable.layout
    effect_M = yield from removal_effects(bench.model, layout, images_KCHW, labels_K, cancel)
    size_M, sensitivity_M = abs(effect_M), scored.masks.scores
    assert sensitivity_M is not None
    correlations = {WHOLE: rank_correlation(size_M, sensitivity_M)}
    for layer in layout.layers:
        tensors = layout.get_tensors(layer)
        parts = [
            np.concatenate([values[t.offset : t.end] for t in tensors])
            for values in (size_M, sensitivity_M)
        ]
        correlations[layer] = rank_correlation(*parts)
    overlaps = {}
    order_M = np.argsort(-size_M, kind="stable")
    for sparsity in SPARSITIES:
        num_kept = scored.num_kept_at(sparsity)
        kept_M = _kept(scored, num_kept)
        overlaps[f"{sparsity:g}"] = float(kept_M[order_M[:num_kept]].mean())
    return Agreement(
        {k: None if np.isnan(v) else v for k, v in correlations.items()},
        overlaps,
        scored.loss,
        float(size_M.max()),
        int((effect_M < 0).sum()),
        len(effect_M),
    )


def _kept(scored: Scored, num_kept: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    masks = scored.masks.mask_at(num_kept)
    return np.concatenate([masks[t.name].ravel() for t in scored.layout.tensors])


@dataclass(frozen=True)
class ExactRemovalStudy(MeasuringStudy):
    """A recipe with several seeds, each measured exactly."""

    question = (
        "How well does sensitivity predict what the removal of a connection does to the loss?"
    )
    measure = "snip_gui.core.studies.field.exact_removal:measure_agreement"
    kind = Agreement

    def answer(self, results: Sequence[Agreement | None]) -> ExactRemovalAnswer:
        """Return the agreement over the seeds; raises `UserError` without any."""
        found = self.by_seed(results)
        return ExactRemovalAnswer(found, len(results) - len(found))


@dataclass(frozen=True, eq=False)
class ExactRemovalAnswer(Answer):
    """The agreement of each seed."""

    found: tuple[tuple[int, Agreement], ...]
    num_missing: int = 0

    @property
    def sentence(self) -> str:
        """The answer in words."""
        whole = [one.correlations[WHOLE] for _, one in self.found]
        known = [value for value in whole if value is not None]
        overlap = mean_interval([one.overlaps["0.9"] for _, one in self.found])
        lowering = statistics.fmean(one.num_lowering / one.num_connections for _, one in self.found)
        parts = []
        if known:
            parts.append(
                f"Over all connections, sensitivity and the exact change of the loss have a rank "
                f"correlation of {interval_text(mean_interval(known), '.3f', len(known))}."
            )
        parts.append(
            "Of the tenth with the largest effects, SNIP keeps "
            f"{interval_text(overlap, '.1%', len(self.found))} at 90% sparsity. Removing any "
            f"one of {lowering:.0%} of the connections alone lowers the loss."
        )
        if self.num_missing:
            parts.append(f"{self.num_missing} seeds could not be measured and are left out.")
        return " ".join(parts)

    @property
    def overview(self) -> Table:
        """Rank correlation of each layer, on average over the seeds."""
        layers = self.found[0][1].correlations
        rows = []
        for layer in layers:
            values = [one.correlations[layer] for _, one in self.found]
            known = [value for value in values if value is not None]
            text = interval_text(mean_interval(known), ".4f", len(known)) if known else "undefined"
            rows.append((layer, text))
        return Table(("layer", "rank correlation"), tuple(rows))

    @property
    def parts(self) -> tuple[tuple[str, Table], ...]:
        """The fraction of the connections with the largest effects that SNIP keeps."""
        rows = []
        for sparsity in self.found[0][1].overlaps:
            values = [one.overlaps[sparsity] for _, one in self.found]
            rows.append(
                (f"{float(sparsity):g}", interval_text(mean_interval(values), ".2%", len(values)))
            )
        return (("Kept of the largest effects", Table(("sparsity", "kept"), tuple(rows))),)

    @property
    def figure(self) -> Chart:
        """The fraction of the largest effects that SNIP keeps, over sparsity, and chance."""
        sparsities = [*self.found[0][1].overlaps]
        means = [mean_interval([one.overlaps[s] for _, one in self.found]) for s in sparsities]
        xs = tuple(1 - float(sparsity) for sparsity in sparsities)
        return Chart(
            "The connections with the largest exact effects on the loss",
            "fraction kept",
            "of them, kept by SNIP",
            (
                Series.of("SNIP", xs, means),
                Series("a random mask", xs, xs, has_markers=False),
            ),
            x_form=PERCENT,
            y_form=PERCENT,
        )

    @property
    def table(self) -> Table:
        """Every number of every seed."""
        first = self.found[0][1]
        headers = (
            "seed",
            "loss",
            "largest change",
            "lowering",
            "connections",
            *(f"rank correlation {layer}" for layer in first.correlations),
            *(f"kept at {sparsity}" for sparsity in first.overlaps),
        )
        rows = [
            (
                f"{seed}",
                f"{one.loss:.6f}",
                f"{one.largest:.6g}",
                f"{one.num_lowering}",
                f"{one.num_connections}",
                *("" if v is None else f"{v:.6f}" for v in one.correlations.values()),
                *(f"{v:.6f}" for v in one.overlaps.values()),
            )
            for seed, one in self.found
        ]
        return Table(headers, tuple(rows))


def make_exact_removal(recipe: Recipe, options: StudyOptions) -> ExactRemovalStudy:
    """Return the study of a recipe, which has to rank by SNIP's sensitivity."""
    if recipe.pruning.method != "snip":
        raise UserError(
            "This study compares the exact effects with SNIP's sensitivity.",
            "Choose the method SNIP.",
            field="pruning.method",
        )
    return ExactRemovalStudy(recipe, options.seeds)
