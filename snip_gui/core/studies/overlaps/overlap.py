"""The overlap study: masks of several groups of recipes, each with several seeds.

The overlap of two masks is their Jaccard index. Two groups are compared at equal seeds, and a group
with itself at all pairs of different seeds.

Shapes: P masks, L layers, G groups, S seeds.
"""

from __future__ import annotations

import itertools
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from snip_gui.core.base.errors import UserError
from snip_gui.core.comparing.packed import count_both, count_kept
from snip_gui.core.recipe.json import with_value
from snip_gui.core.recipe.recipe import class_text
from snip_gui.core.reports.text_tables import Table
from snip_gui.core.studies.overlaps.chance import chance_overlap, seed_p_value
from snip_gui.core.studies.overlaps.clustering import cluster_order
from snip_gui.core.studies.overlaps.masks import Item, MaskStudy
from snip_gui.core.studies.overlaps.often import Often, count_often
from snip_gui.core.studies.overlaps.overlap_figure import overlap_figure
from snip_gui.core.studies.overlaps.overlap_words import describe_across, describe_within
from snip_gui.core.studies.study import Answer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from snip_gui.core.comparing.packed import PackedMask
    from snip_gui.core.recipe.recipe import ClassChoice, Recipe
    from snip_gui.core.studies.figures.figure import Figure

Repeat: TypeAlias = Literal["seed", "minibatch.seed"]

WHOLE = "all layers"


@dataclass(frozen=True, slots=True)
class Group:
    """Recipes that differ only in the seed."""

    label: str
    recipe: Recipe


def class_groups(recipe: Recipe, classes: Sequence[ClassChoice]) -> tuple[Group, ...]:
    """Return a group for the minibatch of each class; raises `UserError` if it was picked."""
    if recipe.minibatch.__struct_config__.tag != "draw":
        raise UserError(
            "The images of the minibatch were picked by hand, so they cannot be drawn by class.",
            "Choose a drawn minibatch.",
            field="minibatch.classes",
        )
    return tuple(
        Group(class_text(choice), with_value(recipe, "minibatch.classes", (choice,)))
        for choice in classes
    )


def field_groups(recipe: Recipe, path: str, values: Sequence[object]) -> tuple[Group, ...]:
    """Return a group for each value of a field; raises `UserError` if one is not valid."""
    return tuple(Group(f"{value}", with_value(recipe, path, value)) for value in values)


@dataclass(frozen=True)
class OverlapStudy(MaskStudy):
    """Groups of recipes times seeds.

    Attributes
    ----------
    repeat
        Which seed is repeated: that of everything, or only that of the images drawn.
    is_clustered
        Whether groups with similar masks are put next to each other.
    """

    groups: tuple[Group, ...]
    seeds: tuple[int, ...]
    repeat: Repeat = "seed"
    is_clustered: bool = False

    @property
    def question(self) -> str:
        """The question."""
        if len(self.groups) == 1:
            return "How much do masks overlap that differ only in the seed?"
        return "Do the masks of these groups overlap more than chance?"

    @property
    def items(self) -> tuple[Item, ...]:
        """Each group with each seed; raises `UserError` if two groups have the same label."""
        labels = [group.label for group in self.groups]
        twice = next((label for label in labels if labels.count(label) > 1), None)
        if twice is not None:
            raise UserError(f"Two groups are called “{twice}”.", "Choose each of them once.")
        return tuple(
            Item(f"{group.label}, seed {seed}", with_value(group.recipe, self.repeat, seed))
            for group in self.groups
            for seed in self.seeds
        )

    def answer(self, masks: Sequence[PackedMask | None]) -> OverlapAnswer:
        """Compare the masks; raises `UserError` if there are not two, or of different networks."""
        return compare_groups(self, masks)


@dataclass(frozen=True, slots=True)
class PairOverlap:
    """How much the masks of two groups overlap in a layer, or in all of them.

    Attributes
    ----------
    layer
        Name of the layer, or `WHOLE`.
    overlaps
        Jaccard index of each compared pair of masks.
    chances
        What would be expected of each by chance, given the number kept in each layer.
    p_value
        See `seed_p_value`; None for a group with itself, or for a single seed.
    """

    a: str
    b: str
    layer: str
    overlaps: tuple[float, ...]
    chances: tuple[float, ...]
    p_value: float | None

    @property
    def mean(self) -> float:
        """Mean overlap."""
        return statistics.fmean(self.overlaps)

    @property
    def deviation(self) -> float | None:
        """Sample standard deviation; None for a single pair of masks."""
        return statistics.stdev(self.overlaps) if len(self.overlaps) > 1 else None

    @property
    def chance(self) -> float:
        """Mean overlap expected by chance."""
        return statistics.fmean(self.chances)

    @property
    def ratio(self) -> float:
        """Mean overlap as a multiple of that expected by chance."""
        return self.mean / self.chance if self.chance else float("inf")

    @property
    def num_above(self) -> int:
        """Number of pairs of masks that overlap more than expected by chance."""
        return sum(o > c for o, c in zip(self.overlaps, self.chances, strict=True))


@dataclass(frozen=True, eq=False)
class OverlapAnswer(Answer):
    """The overlaps of all groups.

    Attributes
    ----------
    labels
        Groups, in the order of rows and columns.
    layers
        `WHOLE`, then the layers.
    pairs
        By layer and the labels of two groups, in the order of rows and columns.
    num_missing
        Number of masks that could not be found.
    often
        How often each connection is kept; None if several groups are compared.
    """

    labels: tuple[str, ...]
    layers: tuple[str, ...]
    pairs: dict[tuple[str, str, str], PairOverlap]
    num_masks: int
    num_missing: int
    often: Often | None = None

    def find(self, layer: str, a: str, b: str) -> PairOverlap | None:
        """Return the overlap of two groups in a layer; None if there is nothing to compare."""
        return self.pairs.get((layer, a, b)) or self.pairs.get((layer, b, a))

    @property
    def sentence(self) -> str:
        """The answer in words."""
        whole = [pair for (layer, _, _), pair in self.pairs.items() if layer == WHOLE]
        across = [pair for pair in whole if pair.a != pair.b]
        parts = [describe_across(across) if across else describe_within(whole)]
        if self.often is not None:
            parts.append(self.often.sentence)
        if self.num_missing:
            parts.append(
                f"{self.num_missing:,} of {self.num_masks + self.num_missing:,} masks could not be "
                "found and are left out."
            )
        return " ".join(parts)

    @property
    def overview(self) -> Table:
        """The mean overlap of each pair of groups, in percent."""
        return self.matrix(WHOLE)

    @property
    def parts(self) -> tuple[tuple[str, Table], ...]:
        """The same in each layer; of a single group, how often connections are kept."""
        if self.often is not None:
            return (("How often connections are kept", self.often.table),)
        return tuple((layer, self.matrix(layer)) for layer in self.layers[1:])

    @property
    def figure(self) -> Figure:
        """The mean overlap of each pair of groups, or in each layer if there is only one."""
        return overlap_figure(self)

    def matrix(self, layer: str) -> Table:
        """Return the mean overlap in a layer of each pair of groups, in percent."""
        rows = []
        for a in self.labels:
            found = [self.find(layer, a, b) for b in self.labels]
            rows.append((a, *("" if pair is None else f"{pair.mean:.2%}" for pair in found)))
        return Table(("", *self.labels), tuple(rows))

    @property
    def table(self) -> Table:
        """Every pair of groups in every layer."""
        headers = (
            "a", "b", "layer", "pairs of masks", "overlap", "deviation", "chance", "ratio",
            "above chance", "p (seeds)",
        )  # fmt: skip
        return Table(headers, tuple(_row(pair) for pair in self.pairs.values()))


def compare_groups(study: OverlapStudy, masks: Sequence[PackedMask | None]) -> OverlapAnswer:
    """Compare the masks of a study; raises `UserError` if no two of them can be compared."""
    counts = _Counts.of(study, masks)
    labels = [group.label for group in study.groups]
    order = list(range(len(labels)))
    if study.is_clustered:
        order = cluster_order(counts.similarity_GG())
    layers = (WHOLE, *counts.layers)
    pairs = {
        (layer, labels[a], labels[b]): pair
        for a, b in itertools.combinations_with_replacement(order, 2)
        for layer in layers
        if (pair := counts.compare(a, b, layer, (labels[a], labels[b]))) is not None
    }
    if not pairs:
        raise UserError(
            "There are no two masks to compare.", "Choose more groups, or more than one seed."
        )
    found = [mask for mask in masks if mask is not None]
    return OverlapAnswer(
        tuple(labels[number] for number in order),
        layers,
        pairs,
        len(found),
        len(masks) - len(found),
        count_often(found) if len(labels) == 1 else None,
    )


@dataclass(frozen=True, eq=False)
class _Counts:
    """Counts of kept connections of the masks that were found.

    Attributes
    ----------
    rows
        By group and seed (number of each), the row of the mask in the arrays.
    """

    num_groups: int
    num_seeds: int
    layers: tuple[str, ...]
    totals: tuple[int, ...]
    rows: dict[tuple[int, int], int]
    kept_PL: NDArray[np.int64]
    both_PPL: NDArray[np.int64]

    @classmethod
    def of(cls, study: OverlapStudy, masks: Sequence[PackedMask | None]) -> _Counts:
        places = itertools.product(range(len(study.groups)), range(len(study.seeds)))
        found = [(place, m) for place, m in zip(places, masks, strict=True) if m is not None]
        if not found:
            raise UserError("No mask could be found.", "See the log for what went wrong.")
        first = found[0][1]
        for (group, _), mask in found:
            if mask.sizes != first.sizes:
                raise UserError(
                    f"The masks of “{study.groups[group].label}” and “{study.groups[0].label}” "
                    "cannot be compared: their networks differ.",
                    "Compare groups of one network, with the same layers pruned.",
                )
        only_masks = [mask for _, mask in found]
        return cls(
            len(study.groups),
            len(study.seeds),
            tuple(first.sizes),
            tuple(first.sizes.values()),
            {place: row for row, (place, _) in enumerate(found)},
            count_kept(only_masks),
            count_both(only_masks),
        )

    def compare(self, a: int, b: int, layer: str, labels: tuple[str, str]) -> PairOverlap | None:
        """Compare two groups in a layer, or in all; None if there are no masks to compare."""
        pairs = self._pairs(a, b)
        if not pairs:
            return None
        p_value = None
        if a != b:
            rows_a, rows_b = (list(rows) for rows in zip(*pairs, strict=True))
            overlap_SS = np.array([[self._overlap(i, j, layer) for j in rows_b] for i in rows_a])
            p_value = seed_p_value(overlap_SS)
        return PairOverlap(
            *labels,
            layer,
            tuple(self._overlap(i, j, layer) for i, j in pairs),
            tuple(self._chance(i, j, layer) for i, j in pairs),
            p_value,
        )

    def similarity_GG(self) -> NDArray[np.float64]:
        """Return the mean overlap of each two groups; 0 where there is nothing to compare."""
        groups = range(self.num_groups)
        return np.array(
            [
                [
                    statistics.fmean([self._overlap(i, j, WHOLE) for i, j in pairs])
                    if (pairs := self._pairs(a, b))
                    else 0.0
                    for b in groups
                ]
                for a in groups
            ]
        )

    def _pairs(self, a: int, b: int) -> list[tuple[int, int]]:
        """Return the rows of masks to compare: at equal seeds, within a group at different ones."""
        seeds = range(self.num_seeds)
        places = itertools.combinations(seeds, 2) if a == b else ((s, s) for s in seeds)
        return [
            (self.rows[a, one], self.rows[b, other])
            for one, other in places
            if (a, one) in self.rows and (b, other) in self.rows
        ]

    def _numbers(self, layer: str) -> list[int]:
        return list(range(len(self.layers))) if layer == WHOLE else [self.layers.index(layer)]

    def _overlap(self, i: int, j: int, layer: str) -> float:
        """Return the Jaccard index of two masks; 1 if both are empty."""
        numbers = self._numbers(layer)
        both = int(self.both_PPL[i, j, numbers].sum())
        union = int(self.kept_PL[[i, j]][:, numbers].sum()) - both
        return both / union if union else 1.0

    def _chance(self, i: int, j: int, layer: str) -> float:
        return chance_overlap(
            (self.totals[number], int(self.kept_PL[i, number]), int(self.kept_PL[j, number]))
            for number in self._numbers(layer)
        )


def _row(pair: PairOverlap) -> tuple[str, ...]:
    deviation, p_value = pair.deviation, pair.p_value
    return (
        pair.a,
        pair.b,
        pair.layer,
        f"{len(pair.overlaps)}",
        f"{pair.mean:.6f}",
        "" if deviation is None else f"{deviation:.6f}",
        f"{pair.chance:.6f}",
        f"{pair.ratio:.3f}",
        f"{pair.num_above}",
        "" if p_value is None else f"{p_value:.4f}",
    )
