"""The result of scoring a minibatch: everything that the views need, without torch."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from snip_gui.core.graph.layout import num_kept_at
from snip_gui.core.graph.wiring import Reach, join_units, num_on_paths, reach
from snip_gui.core.models.networks import find_network, with_architecture
from snip_gui.core.pruning.histogram import Histogram, count_layer, score_histogram
from snip_gui.core.pruning.input_map import column_fractions, pixel_fractions, position_fractions
from snip_gui.core.pruning.layer_table import LayerRow, layer_rows
from snip_gui.core.pruning.mask_source import PassingMask
from snip_gui.core.pruning.ranking import Ranking
from snip_gui.core.recipe.methods import find_method
from snip_gui.core.recipe.stages import Stage, stage_keys

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from snip_gui.core.graph.layout import Layout, TensorSpec
    from snip_gui.core.models.architecture import Architecture
    from snip_gui.core.models.catalogue import ModelInfo
    from snip_gui.core.pruning.events import WeightsAt
    from snip_gui.core.pruning.mask_source import Arrange, Cutter, MaskSource
    from snip_gui.core.recipe.recipe import Recipe

# Connections; fifteen million take about 20 ms.
_SLOW_TO_FOLLOW = 30_000_000


@dataclass(frozen=True, eq=False)
class Scored:
    """The masks of a method, with the recipe and the values behind them. Arrays are read-only.

    Attributes
    ----------
    recipe
        The recipe that was scored; its sparsity has no effect.
    weight_M, gradient_M
        float32 weights and ``dL/dw`` in flat order; the gradient is None if the method has none.
    indices_K
        Indices of the scored images in the training file.
    loss
        Mean loss over the scored images; NaN if the method does not use them.
    seconds
        Run time of the method.
    images_digest
        Digest of the data set of the images.
    architecture
        Architecture of the network.
    weights_at
        See `snip_gui.core.pruning.events.Pruned`.
    unedited
        The masks as the method gave them, if they were edited by hand.
    """

    recipe: Recipe
    masks: MaskSource
    weight_M: NDArray[np.float32]
    gradient_M: NDArray[np.float32] | None
    indices_K: NDArray[np.int64]
    architecture: Architecture
    loss: float
    seconds: float
    images_digest: str = ""
    weights_at: WeightsAt | None = None
    unedited: MaskSource | None = None

    @functools.cached_property
    def key(self) -> str:
        """Digest of everything that the masks depend on."""
        return stage_keys(self.recipe)[Stage.SCORE]

    @property
    def layout(self) -> Layout:
        """The prunable tensors."""
        return self.masks.layout

    @property
    def ranking(self) -> Ranking | None:
        """The masks if they come from a ranking of all connections, otherwise None."""
        return self.masks if isinstance(self.masks, Ranking) else None

    @functools.cached_property
    def model(self) -> ModelInfo:
        """Catalogue entry of the network."""
        return with_architecture(find_network(self.recipe.model), self.architecture)

    @property
    def num_bytes(self) -> int:
        """Memory of the arrays in bytes."""
        arrays: list[NDArray[np.generic]] = [self.weight_M, self.indices_K]
        if self.gradient_M is not None:
            arrays.append(self.gradient_M)
        sources = [self.masks] if self.unedited is None else [self.masks, self.unedited]
        return sum(part.num_bytes for part in sources) + sum(array.nbytes for array in arrays)

    @functools.cached_property
    def histogram(self) -> Histogram | None:
        """The distribution of the scores; None for a method without scores."""
        scores = self.masks.scores
        return None if scores is None else score_histogram(scores)

    @property
    def num_zero(self) -> int:
        """Number of connections with a score of exactly zero; 0 for a method without scores."""
        return 0 if self.histogram is None else self.histogram.num_zero

    def layer_counts(self, tensor: TensorSpec) -> NDArray[np.int64] | None:
        """Return the number of a weight tensor's connections in each bin of the histogram.

        None if there is no ranking, or if ranks do not follow scores, because of a minimum kept per
        layer or several rounds of scoring.
        """
        if self.histogram is None or self.ranking is None or not self.ranking.follows_scores:
            return None
        return count_layer(self.histogram, self.ranking.sorted_ranks[tensor.name])

    @functools.cached_property
    def _joined(self) -> dict[str, Cutter]:
        """For each followed layer, which pairs of units (O, I) a kept connection joins."""
        wiring = self.architecture.wiring
        joining = {step.layer for step in wiring.steps if step.kind == "join"} if wiring else set()
        return {
            layer: self.masks.cutter(
                self.layout.get_weight(layer), functools.partial(join_units, seen=self._seen(layer))
            )
            for layer in self.layout.layers
            if layer in joining
        }

    def prepare(self) -> None:
        """Compute what the first picture needs, so that no view has to wait for it."""
        _ = self.key, self.histogram, self._joined

    def num_kept_at(self, sparsity: float) -> int:
        """Return the number of connections kept at a sparsity: the nearest that is possible."""
        return self.masks.nearest(num_kept_at(sparsity, self.layout.num_parameters))

    def is_preview_at(self, sparsity: float) -> bool:
        """Return whether the masks were computed for another sparsity, so that scoring helps."""
        method = find_method(self.recipe.pruning)
        return method.masks_for == "target-sparsity" and sparsity != self.recipe.pruning.sparsity

    def mask_note(self, sparsity: float) -> str:
        """Return a caveat on the mask at a sparsity; usually empty."""
        method = find_method(self.recipe.pruning)
        asked = num_kept_at(sparsity, self.layout.num_parameters)
        nearest, notes = self.masks.nearest(asked), []
        if described := self.masks.describe(nearest):
            notes.append(described)
        elif nearest != asked:
            notes.append(
                f"{method.title} cannot keep {asked:,} connections; the nearest it can keep is "
                f"{nearest:,}."
            )
        scored_at = self.recipe.pruning.sparsity
        if method.masks_for == "training" and not isinstance(self.masks, PassingMask):
            notes.append(
                f"Preview: {method.title} finds its masks while it trains. Shown is what its rule "
                "keeps of the weights before any training."
            )
        if self.is_preview_at(sparsity):
            notes.append(
                f"Preview: these masks were computed for {scored_at:.6g} sparsity. A run computes "
                "them for its own."
            )
        return " ".join(notes)

    def layer_rows(self, num_kept: int) -> tuple[LayerRow, ...]:
        """Return the kept counts of each layer."""
        return layer_rows(self.layout, self.masks.counts_at(num_kept))

    def multiply_accumulates(self, num_kept: int) -> tuple[int, int]:
        """Return the MACs of one image: if every removed weight is skipped, and in total.

        Both include excluded and frozen layers. Biases are not counted.
        """
        total, uses = self.architecture.multiply_accumulates, self.architecture.uses
        skipped = sum(
            (row.weights_total - row.weights_kept) * uses.get(row.layer, 0)
            for row in self.layer_rows(num_kept)
        )
        return total - skipped, total

    def reach(self, num_kept: int) -> Reach | None:
        """Return what stays connected under the mask; layers that are not pruned are whole.

        None if the network cannot be traced.
        """
        wiring = self.architecture.wiring
        if wiring is None:
            return None

        def joined(layer: str) -> NDArray[np.bool_] | None:
            cut = self._joined.get(layer)
            return None if cut is None else cut(num_kept)

        def biased(layer: str) -> NDArray[np.bool_] | None:
            parts = [tensor for tensor in self.layout.get_tensors(layer) if not tensor.is_weight]
            if not parts:  # it does not compete, so it is whole
                return np.ones(1, bool)
            masks = [self.masks.get_mask(tensor, num_kept) for tensor in parts]
            return masks[0] if len(masks) == 1 else np.concatenate(masks)

        return reach(wiring, joined, biased)

    def _seen(self, layer: str) -> tuple[int, ...] | None:
        """Return the kernel positions of a layer that see more than padding; None for all."""
        wiring = self.architecture.wiring
        if wiring is None or layer not in wiring.step_by_layer or layer in wiring.used_again:
            return None
        return wiring.steps[wiring.step_by_layer[layer]].seen

    @property
    def score_name(self) -> str:
        """Short name of the ranked quantity."""
        return find_method(self.recipe.pruning).score_name

    @property
    def is_slow_to_follow(self) -> bool:
        """Whether following the kept connections takes too long for the GUI thread."""
        return self.layout.num_parameters > _SLOW_TO_FOLLOW

    def followed(self, num_kept: int) -> tuple[Reach | None, dict[str, int]]:
        """Return the results of `reach` and `num_on_paths`; None and empty if not followed."""
        found = self.reach(num_kept)
        return found, self.num_on_paths(found, num_kept) if found is not None else {}

    def num_on_paths(self, found: Reach, num_kept: int) -> dict[str, int]:
        """Return by layer how many kept parameters lie on a path to an output.

        A path begins at the input or at a bias. All other parameters have no effect; they count as
        removed in the effective sparsity of Vysogorets & Kempe (arXiv 2107.02306), and so do the
        positions of a kernel that see padding alone. A bias counts if its unit leads to an output.
        In a layer that is not followed connection by connection, every kept parameter counts.
        """
        counts = self.masks.counts_at(num_kept)
        on_paths = dict.fromkeys(self.layout.layers, 0)
        for tensor in self.layout.tensors:
            ends = found.find_ends(tensor.layer)
            number = counts[tensor.name]
            if ends is not None and number:
                leads_O, live_I = ends
                seen = self._seen(tensor.layer)
                if not tensor.is_weight:
                    number = int(np.count_nonzero(self.masks.get_mask(tensor, num_kept) & leads_O))
                elif seen is not None or not (leads_O.all() and live_I.all()):
                    number = self._num_on_paths(tensor, num_kept, leads_O, live_I, seen)
            on_paths[tensor.layer] += number
        return on_paths

    def _num_on_paths(
        self,
        tensor: TensorSpec,
        num_kept: int,
        leads_O: NDArray[np.bool_],
        live_I: NDArray[np.bool_],
        seen: tuple[int, ...] | None,
    ) -> int:
        """Return how many kept connections of a weight tensor are on a path."""

        def kept(part: Arrange) -> NDArray[np.bool_]:
            return self.masks.cutter(tensor, part)(num_kept)

        return num_on_paths(kept, tensor.shape, leads_O, live_I, seen)

    def find_connection(self, index: int) -> tuple[str, tuple[int, ...]] | None:
        """Return the weight tensor and position of a flat index; None for a bias."""
        for tensor in self.layout.weights:
            if tensor.offset <= index < tensor.end:
                found = np.unravel_index(index - tensor.offset, tensor.shape)
                return tensor.name, tuple(int(at) for at in found)
        return None

    def input_fractions(self, num_kept: int, unit: int | None = None) -> NDArray[np.float64] | str:
        """Return the input map (C, H, W), or a sentence on why this network has none.

        Parameters
        ----------
        unit
            Unit of the mapped layer whose connections to count; None for all units.
        """
        if self.model.input_map == "none":
            return (
                f"{self.model.title} has no input map: its fully connected layers come after "
                "global pooling.\n\nThe weights of its first layer are shown under Weights."
            )
        first = self.model.mapped_layer
        if first not in self.layout.layers:
            return f"The layer “{first}” is excluded from pruning, so every pixel is kept."
        kept_OI = self.masks.get_mask(self.layout.get_weight(first), num_kept)
        if unit is not None:
            kept_OI = kept_OI[unit : unit + 1]
        shape = self.architecture.input_shape
        _, rows, columns = shape
        match self.model.input_map:
            case "positions":
                return position_fractions(kept_OI, self.model.windows, rows, columns)
            case "columns":
                return column_fractions(kept_OI, shape)
        return pixel_fractions(kept_OI, shape)
