"""The position of each prunable tensor in the flat vector of all prunable parameters.

The flat order is that of the state_dict, with each tensor in C order; it breaks ties.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

LayerKind: TypeAlias = Literal["linear", "convolution", "recurrent", "attention"]


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """One prunable tensor.

    Attributes
    ----------
    name
        Its key in the state_dict, such as ``fc1.weight``.
    layer
        The module it belongs to, such as ``fc1``.
    shape
        Outputs first, as torch stores it: ``(out, in)``, ``(out, in, kernel h, kernel w)`` or
        ``(out,)``.
    offset
        Index of its first element in the flat vector.
    """

    name: str
    layer: str
    kind: LayerKind
    shape: tuple[int, ...]
    offset: int

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def end(self) -> int:
        """One past the index of the last element in the flat vector."""
        return self.offset + self.size

    @property
    def label(self) -> str:
        """Short name: that of the layer, unless it has several weights."""
        part = self.name.removeprefix(f"{self.layer}.")
        return self.layer if part == "weight" else f"{self.layer} {part}"

    @property
    def is_weight(self) -> bool:
        """Whether this is a weight rather than a bias."""
        return len(self.shape) > 1


@dataclass(frozen=True)
class Layout:
    """All prunable tensors in flat order."""

    tensors: tuple[TensorSpec, ...]

    @functools.cached_property
    def num_parameters(self) -> int:
        """Number m of prunable parameters."""
        return sum(tensor.size for tensor in self.tensors)

    @functools.cached_property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers, each once, in order."""
        return tuple(dict.fromkeys(tensor.layer for tensor in self.tensors))

    @functools.cached_property
    def weights(self) -> tuple[TensorSpec, ...]:
        """All weights, without the biases."""
        return tuple(tensor for tensor in self.tensors if tensor.is_weight)

    def get_tensors(self, layer: str) -> tuple[TensorSpec, ...]:
        """Return the prunable tensors of a layer: its weight, then its bias if it is prunable."""
        return tuple(tensor for tensor in self.tensors if tensor.layer == layer)

    def get_weight(self, layer: str) -> TensorSpec:
        """Return the weight of a layer; raises `KeyError` if there is none."""
        for tensor in self.get_tensors(layer):
            if tensor.is_weight:
                return tensor
        raise KeyError(layer)

    def __getitem__(self, name: str) -> TensorSpec:
        """Return the tensor with a state_dict key; raises `KeyError` if there is none."""
        for tensor in self.tensors:
            if tensor.name == name:
                return tensor
        raise KeyError(name)


def num_kept_at(sparsity: float, num_parameters: int) -> int:
    """Return the number of parameters kept at a sparsity: ``round(m * (1 - sparsity))``.

    Rounded, not truncated, as in the official code (``snip/model.py``).
    """
    return round(num_parameters * (1 - sparsity))


def split_flat(flat_M: NDArray[np.generic], layout: Layout) -> Mapping[str, NDArray[np.generic]]:
    """Return views of a flat vector (M), one for each tensor in its own shape, by name."""
    return {t.name: flat_M[t.offset : t.end].reshape(t.shape) for t in layout.tensors}
