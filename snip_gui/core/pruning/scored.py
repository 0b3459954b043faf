"""What scoring a minibatch leaves behind: all that the heatmaps need, and no torch."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from snip_gui.core.graph.layout import num_kept_at
from snip_gui.core.graph.wiring import Reach, first_ranks, num_on_paths, reach
from snip_gui.core.models.networks import find_network, with_architecture
from snip_gui.core.pruning.histogram import Histogram, count_layer, sensitivity_histogram
from snip_gui.core.pruning.input_map import column_fractions, pixel_fractions, position_fractions
from snip_gui.core.pruning.layer_table import LayerRow, layer_rows
from snip_gui.core.recipe.methods import find_method
from snip_gui.core.recipe.stages import Stage, stage_keys

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from snip_gui.core.graph.layout import Layout, TensorSpec
    from snip_gui.core.models.architecture import Architecture
    from snip_gui.core.models.catalogue import ModelInfo
    from snip_gui.core.pruning.ranking import Ranking
    from snip_gui.core.recipe.recipe import Recipe

# Connections; fifteen million take some 20 ms.
_SLOW_TO_FOLLOW = 30_000_000


@dataclass(frozen=True, eq=False)
class Scored:
    """A ranking with what it was made from. Arrays are read-only.

    Attributes
    ----------
    recipe
        The recipe that was scored; its sparsity is of no consequence.
    weight_M, gradient_M
        float32 weights and ``dL/dw`` in flat order; no gradient for a method without one.
    indices_K
        Indices of the scored images in the training file.
    loss
        Mean loss over the scored images; not a number for a method that scores none.
    seconds
        Time that the method took.
    images_digest
        Of the data set that the images are from.
    architecture
        What the network is made of.
    """

    recipe: Recipe
    ranking: Ranking
    weight_M: NDArray[np.float32]
    gradient_M: NDArray[np.float32] | None
    indices_K: NDArray[np.int64]
    architecture: Architecture
    loss: float
    seconds: float
    images_digest: str = ""

    @functools.cached_property
    def key(self) -> str:
        """Digest of everything that the ranking depends on."""
        return stage_keys(self.recipe)[Stage.SCORE]

    @property
    def layout(self) -> Layout:
        """The prunable tensors."""
        return self.ranking.layout

    @functools.cached_property
    def model(self) -> ModelInfo:
        """What is known of the network."""
        return with_architecture(find_network(self.recipe.model), self.architecture)

    @property
    def num_bytes(self) -> int:
        """Memory that the arrays take."""
        ranking = self.ranking
        arrays: list[NDArray[np.generic]] = [ranking.score_M, ranking.rank_M, ranking.order_M]
        arrays += [self.weight_M, self.indices_K, *ranking.sorted_ranks.values()]
        if self.gradient_M is not None:
            arrays.append(self.gradient_M)
        return sum(array.nbytes for array in arrays)

    @functools.cached_property
    def histogram(self) -> Histogram:
        """The distribution of the sensitivities."""
        return sensitivity_histogram(self.ranking.score_M)

    def layer_counts(self, tensor: TensorSpec) -> NDArray[np.int64] | None:
        """Return how many connections of a weight are in each bin of the histogram.

        None where ranks do not follow scores, since each layer keeps some first.
        """
        if self.recipe.pruning.floor:
            return None
        return count_layer(self.histogram, self.ranking.sorted_ranks[tensor.name])

    @functools.cached_property
    def _first_ranks(self) -> dict[str, NDArray[np.int32]]:
        """Per layer that is followed, the ranks at which two units lose their last connection."""
        wiring = self.architecture.wiring
        joining = {step.layer for step in wiring.steps if step.kind == "join"} if wiring else set()
        return {
            layer: first_ranks(self.ranking.get_ranks(self.layout.get_weight(layer)))
            for layer in self.layout.layers
            if layer in joining
        }

    def prepare(self) -> None:
        """Work out what the first picture needs, so that no view has to wait for it."""
        _ = self.key, self.histogram, self._first_ranks

    def num_kept_at(self, sparsity: float) -> int:
        """Return how many connections are kept at a sparsity."""
        return num_kept_at(sparsity, self.layout.num_parameters)

    def layer_rows(self, num_kept: int) -> tuple[LayerRow, ...]:
        """Return what is kept of each layer."""
        return layer_rows(self.layout, self.ranking.counts_at(num_kept))

    def multiply_accumulates(self, num_kept: int) -> tuple[int, int]:
        """Return multiply-accumulates of one image: of the kept weights, and of all.

        What a kernel that skips every removed weight would do; biases are not counted.
        """
        rows = self.layer_rows(num_kept)
        uses = self.architecture.uses
        kept = sum(row.weights_kept * uses.get(row.layer, 0) for row in rows)
        return kept, sum(row.weights_total * uses.get(row.layer, 0) for row in rows)

    def reach(self, num_kept: int) -> Reach | None:
        """Return what the mask leaves connected; layers that are not pruned are whole.

        None for a network that cannot be followed.
        """
        wiring = self.architecture.wiring
        if wiring is None:
            return None
        kept = np.int32(num_kept)

        def joined(layer: str) -> NDArray[np.bool_] | None:
            rank_OI = self._first_ranks.get(layer)
            return None if rank_OI is None else rank_OI < kept

        return reach(wiring, joined)

    @property
    def score_name(self) -> str:
        """What was ranked, in a word or two."""
        return find_method(self.recipe.pruning).score_name

    @property
    def is_slow_to_follow(self) -> bool:
        """Whether following the kept connections takes longer than a window should stand still."""
        return self.layout.num_parameters > _SLOW_TO_FOLLOW

    def followed(self, num_kept: int) -> tuple[Reach | None, dict[str, int]]:
        """Return what `reach` and `num_on_paths` do; None and nothing if it is not followed."""
        found = self.reach(num_kept)
        return found, self.num_on_paths(found, num_kept) if found is not None else {}

    def num_on_paths(self, found: Reach, num_kept: int) -> dict[str, int]:
        """Return per layer how many kept parameters lie on a path from the input to an output.

        What is not is removed in effect: the effective sparsity of Vysogorets & Kempe
        (arXiv 2107.02306). A bias counts if its unit is on a path. Of a layer that is not followed
        connection by connection every kept parameter counts.
        """
        counts = self.ranking.counts_at(num_kept)
        on_paths = dict.fromkeys(self.layout.layers, 0)
        for tensor in self.layout.tensors:
            ends = found.find_ends(tensor.layer)
            number = counts[tensor.name]
            if ends is not None and number:
                leads_O, reached_I = ends
                rank = self.ranking.get_ranks(tensor)
                if not tensor.is_weight:
                    alive_O = found.alive(found.wiring.step_by_layer[tensor.layer])
                    number = int(np.count_nonzero((rank < num_kept) & alive_O))
                elif not (leads_O.all() and reached_I.all()):
                    number = num_on_paths(rank, num_kept, leads_O, reached_I)
            on_paths[tensor.layer] += number
        return on_paths

    def find_connection(self, rank: int) -> tuple[str, tuple[int, ...]] | None:
        """Return the weight, and the place in it, of the connection of a rank; None for a bias."""
        index = int(self.ranking.order_M[rank])
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
            Of the mapped layer: only its connections count. None for all units.
        """
        if self.model.input_map == "none":
            return (
                f"{self.model.title} has no input map: none of its fully connected layers sees "
                "the image place by place.\n\nIts first weights are under Weights."
            )
        first = self.model.mapped_layer
        if first not in self.layout.layers:
            return f"The layer “{first}” is excluded from pruning, so every pixel is kept."
        kept_OI = self.ranking.get_mask(self.layout.get_weight(first), num_kept)
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
