"""Comparison of two or more masks of the same network.

Masks are compared packed, eight connections per byte.

Shapes: M prunable parameters in flat order, P masks.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from snip_gui.core.base.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from snip_gui.core.graph.layout import Layout, TensorSpec
    from snip_gui.core.pruning.scored import Scored


@dataclass(frozen=True, eq=False)
class Mask:
    """The mask of a scored network at a number kept."""

    scored: Scored
    num_kept: int

    @property
    def layout(self) -> Layout:
        """The prunable tensors."""
        return self.scored.layout

    @property
    def num_bytes(self) -> int:
        """Memory of the packed mask in bytes."""
        return -(-self.layout.num_parameters // 8)

    @functools.cached_property
    def packed(self) -> dict[str, NDArray[np.uint8]]:
        """The mask of each tensor in flat order, eight connections per byte, zero-padded."""
        masks = self.scored.masks
        return {t.name: np.packbits(masks.get_mask(t, self.num_kept)) for t in self.layout.tensors}

    def count_both(self, other: Mask, tensor: TensorSpec) -> int:
        """Return how many connections of a tensor both this mask and another one keep."""
        both = self.packed[tensor.name] & other.packed[tensor.name]
        return int(np.bitwise_count(both).sum(dtype=np.int64))


@dataclass(frozen=True, slots=True)
class Overlap:
    """The agreement of two masks A and B on some connections.

    Attributes
    ----------
    total
        Number of connections.
    both, only_a, only_b
        Number kept by both masks, and by only one.
    expected_both
        Number that two random masks of the same sizes would both keep on average.
    """

    total: int
    both: int
    only_a: int
    only_b: int
    expected_both: float

    @property
    def neither(self) -> int:
        """Number kept by neither mask."""
        return self.total - self.both - self.num_changed

    @property
    def num_changed(self) -> int:
        """Number kept by exactly one mask."""
        return self.only_a + self.only_b

    @property
    def kept_a(self) -> int:
        """Number kept by A."""
        return self.both + self.only_a

    @property
    def kept_b(self) -> int:
        """Number kept by B."""
        return self.both + self.only_b

    @property
    def jaccard(self) -> float:
        """The Jaccard index ``|A and B| / |A or B|``; 1 if both masks are empty."""
        return _jaccard(self.both, self.kept_a + self.kept_b)

    @property
    def chance(self) -> float:
        """The Jaccard index expected by chance: with ``expected_both`` in place of ``both``.

        The union is ``kept_a + kept_b - both``, so only ``both`` is random. The index of the mean
        differs from the mean of the index through the variance of ``both`` only, which is
        negligible except for layers of a few connections.
        """
        return _jaccard(self.expected_both, self.kept_a + self.kept_b)

    @property
    def excess(self) -> float:
        """How far the overlap exceeds that expected by chance."""
        return self.jaccard - self.chance


@dataclass(frozen=True, slots=True)
class Comparison:
    """The comparison of two masks, by layer and in total.

    Chance is given the counts of each layer: two masks drawn independently and uniformly that keep
    ``a`` and ``b`` of the ``n`` connections of a layer share ``a b / n`` of them on average (a
    hypergeometric number); in total, the sum over the layers.
    """

    layers: dict[str, Overlap]
    whole: Overlap

    @property
    def most_changed(self) -> str:
        """The layer with most connections kept by only one mask; empty if none differs."""
        layer = max(self.layers, key=lambda name: self.layers[name].num_changed)
        return layer if self.layers[layer].num_changed else ""


def compare(a: Mask, b: Mask, names: tuple[str, str] = ("A", "B")) -> Comparison:
    """Compare two masks of one network.

    Parameters
    ----------
    names
        Names of the masks in the error.

    Raises
    ------
    UserError
        If they are not masks of the same tensors.
    """
    refuse_different(a, b, names)
    counts_a = a.scored.masks.counts_at(a.num_kept)
    counts_b = b.scored.masks.counts_at(b.num_kept)
    layers = {}
    for layer in a.layout.layers:
        tensors = a.layout.get_tensors(layer)
        total = sum(tensor.size for tensor in tensors)
        kept_a = sum(counts_a[tensor.name] for tensor in tensors)
        kept_b = sum(counts_b[tensor.name] for tensor in tensors)
        both = sum(a.count_both(b, tensor) for tensor in tensors)
        expected = kept_a * kept_b / total
        layers[layer] = Overlap(total, both, kept_a - both, kept_b - both, expected)
    found = layers.values()
    whole = Overlap(
        total=sum(part.total for part in found),
        both=sum(part.both for part in found),
        only_a=sum(part.only_a for part in found),
        only_b=sum(part.only_b for part in found),
        expected_both=sum(part.expected_both for part in found),
    )
    return Comparison(layers, whole)


def overlap_matrix(masks: Sequence[Mask]) -> NDArray[np.float64]:
    """Return the Jaccard index (P, P) of each pair of masks; NaN for different networks."""
    matrix_PP = np.full((len(masks), len(masks)), np.nan)
    for row, a in enumerate(masks):
        for column, b in enumerate(masks[: row + 1]):
            if a.layout == b.layout:
                both = sum(a.count_both(b, tensor) for tensor in a.layout.tensors)
                matrix_PP[row, column] = _jaccard(both, a.num_kept + b.num_kept)
                matrix_PP[column, row] = matrix_PP[row, column]
    return matrix_PP


def refuse_different(a: Mask, b: Mask, names: tuple[str, str]) -> None:
    """Raise `UserError` naming the first difference if two masks are of different tensors."""
    if a.layout == b.layout:
        return
    title_a, title_b = a.scored.model.title, b.scored.model.title
    if title_a != title_b:
        what = f"“{names[0]}” belongs to {title_a} and “{names[1]}” to {title_b}"
    else:
        what = _first_difference(a.layout, b.layout, names)
    raise UserError(
        f"These two masks cannot be compared: {what}.",
        "Masks are compared connection by connection, so choose two from the same network.",
    )


def _first_difference(a: Layout, b: Layout, names: tuple[str, str]) -> str:
    """Return in which tensor two layouts first differ, as a sentence."""
    for one, other in zip(a.tensors, b.tensors, strict=False):
        if one.name != other.name:
            lacking, lacked = (names[1], one.name)
            if one.name in {tensor.name for tensor in b.tensors}:
                lacking, lacked = (names[0], other.name)
            return f"“{lacked}” is not pruned in “{lacking}”"
        if one.shape != other.shape:
            return (
                f"“{one.name}” has {_shape(one)} connections in “{names[0]}” "
                f"and {_shape(other)} in “{names[1]}”"
            )
    more, lacking = (a, names[1]) if len(a.tensors) > len(b.tensors) else (b, names[0])
    lacked = more.tensors[min(len(a.tensors), len(b.tensors))].name
    return f"“{lacked}” is not pruned in “{lacking}”"


def _shape(tensor: TensorSpec) -> str:
    return " x ".join(map(str, tensor.shape))


def _jaccard(both: float, kept_in_sum: int) -> float:
    union = kept_in_sum - both
    return both / union if union else 1.0
