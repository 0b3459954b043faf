"""What a pruning method ends in: the masks that it can make of one network.

Shapes: M is the number of prunable parameters, in the flat order of `Layout`.
"""

from __future__ import annotations

import abc
import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Mapping

    from snip_gui.core.graph.layout import Layout, TensorSpec

Arrange: TypeAlias = Callable[[NDArray[Any]], NDArray[Any]]
"""Lays an array of a tensor's shape out as a view needs it.

The array holds whether each connection is kept, or, of masks that nest, an integer that is lower
the longer it is kept. Places that hold no connection take `removed_value`.
"""
Cutter: TypeAlias = Callable[[int], NDArray[np.bool_]]
"""Of a number kept, what a laid out tensor keeps."""


class MaskSource(abc.ABC):
    """Masks of one network, by the number of connections that they keep.

    A source has to say which numbers it can keep (`nearest`) and what it keeps of a tensor
    (`get_mask`). Everything else follows, and is overridden where it can be faster or where more
    is known. Masks need not nest.

    Attributes
    ----------
    layout
        The prunable tensors.
    """

    layout: Layout

    @abc.abstractmethod
    def nearest(self, num_kept: int) -> int:
        """Return the number of connections nearest to one asked for that a mask can keep."""

    @abc.abstractmethod
    def get_mask(self, tensor: TensorSpec, num_kept: int) -> NDArray[np.bool_]:
        """Return the mask of one tensor in its shape, True where kept.

        Parameters
        ----------
        num_kept
            A number that `nearest` returned.
        """

    def mask_at(self, num_kept: int) -> dict[str, NDArray[np.bool_]]:
        """Return the mask of each tensor by name."""
        return {t.name: self.get_mask(t, num_kept) for t in self.layout.tensors}

    def counts_at(self, num_kept: int) -> dict[str, int]:
        """Return the number of kept connections of each tensor by name."""
        return {name: int(np.count_nonzero(m)) for name, m in self.mask_at(num_kept).items()}

    def cutter(self, tensor: TensorSpec, arrange: Arrange) -> Cutter:
        """Return what a tensor keeps at a number kept, laid out by ``arrange``.

        Views keep the result and ask it at every step of a slider.
        """
        return lambda num_kept: arrange(self.get_mask(tensor, num_kept))

    def keeps(self, tensor: TensorSpec, position: tuple[int, ...], num_kept: int) -> bool:
        """Return whether one connection is kept."""
        return bool(self.cutter(tensor, operator.itemgetter(position))(num_kept))

    def removal(
        self, tensor: TensorSpec, arrange: Arrange = np.asarray
    ) -> NDArray[np.float32] | None:
        """Return the sparsity from which on each connection of a tensor is removed, laid out.

        None if masks do not nest: then there is no such sparsity.
        """
        return None

    @property
    def scores(self) -> NDArray[np.float32] | None:
        """A score of each connection (M), higher where kept longer; None if there is none."""
        return None

    @property
    def num_bytes(self) -> int:
        """Memory that the source takes."""
        return 0


class OneMask(MaskSource):
    """A mask that was found in some other way, the only one of its source.

    Parameters
    ----------
    masks
        Of each tensor by name, in its shape.
    """

    def __init__(self, layout: Layout, masks: Mapping[str, NDArray[np.bool_]]) -> None:
        self.layout = layout
        self._masks = masks

    def nearest(self, num_kept: int) -> int:
        """Return the number of connections that the mask keeps, whatever is asked for."""
        return sum(int(np.count_nonzero(mask)) for mask in self._masks.values())

    def get_mask(self, tensor: TensorSpec, num_kept: int) -> NDArray[np.bool_]:
        """Return the mask of one tensor."""
        return self._masks[tensor.name]


def removed_value(dtype: np.dtype[Any]) -> Any:  # noqa: ANN401 - of that type
    """Return what stands for a place without a connection: nothing is ever kept there."""
    return False if dtype.kind == "b" else np.iinfo(dtype).max
