"""The result of a pruning method: the masks that it can produce for a network.

Shapes: M is the number of prunable parameters, in the flat order of `Layout`.
"""

from __future__ import annotations

import abc
import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.text import sparsity_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from snip_gui.core.graph.layout import Layout, TensorSpec

Arrange: TypeAlias = Callable[[NDArray[Any]], NDArray[Any]]
"""A function that arranges an array of a tensor's shape for a view.

The array states whether each connection is kept, or, for nested masks, an integer that is lower the
longer it is kept. Positions without a connection get `removed_value`.
"""
Cutter: TypeAlias = Callable[[int], NDArray[np.bool_]]
"""A function from the number kept to the arranged mask of a tensor."""


class MaskSource(abc.ABC):
    """Masks of a network by the number of connections that they keep.

    A subclass defines which numbers it can keep (`nearest`) and what it keeps of a tensor
    (`get_mask`). All else follows from these, and may be overridden for speed or if more is known.
    Masks need not be nested.

    Attributes
    ----------
    layout
        The prunable tensors.
    """

    layout: Layout

    @abc.abstractmethod
    def nearest(self, num_kept: int) -> int:
        """Return the number nearest to ``num_kept`` that a mask can keep."""

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
        """Return a function from the number kept to a tensor's mask, arranged by ``arrange``.

        Views store the function and call it at every step of the slider.
        """
        return lambda num_kept: arrange(self.get_mask(tensor, num_kept))

    def keeps(self, tensor: TensorSpec, position: tuple[int, ...], num_kept: int) -> bool:
        """Return whether one connection is kept."""
        return bool(self.cutter(tensor, operator.itemgetter(position))(num_kept))

    def removal(
        self, tensor: TensorSpec, arrange: Arrange = np.asarray
    ) -> NDArray[np.float32] | None:
        """Return the removal sparsity of each connection of a tensor, arranged.

        None if masks are not nested, in which case there is no such sparsity.
        """
        return None

    def describe(self, num_kept: int) -> str:
        """Return a sentence on a mask, for a source that keeps groups; usually empty."""
        return ""

    @property
    def scores(self) -> NDArray[np.float32] | None:
        """The score of each connection (M), higher if kept longer; None if there are none."""
        return None

    @property
    def num_bytes(self) -> int:
        """Memory of the source in bytes."""
        return 0


def nothing_kept_error(sparsity: float, total: int) -> UserError:
    """Return the error for a sparsity at which none of ``total`` connections is kept."""
    return UserError(
        f"At {sparsity_text(sparsity)} sparsity, none of the {total:,} connections is kept.",
        f"Choose at most {sparsity_text(1 - 1 / total)}, which keeps one.",
        field="pruning.sparsity",
    )


class OneMask(MaskSource):
    """A source of a single mask, which was found in some other way.

    Parameters
    ----------
    masks
        Mask of each tensor by name, in its shape.
    """

    def __init__(self, layout: Layout, masks: Mapping[str, NDArray[np.bool_]]) -> None:
        self.layout = layout
        self._masks = masks

    def nearest(self, num_kept: int) -> int:
        """Return the number of connections that the mask keeps."""
        return sum(int(np.count_nonzero(mask)) for mask in self._masks.values())

    def get_mask(self, tensor: TensorSpec, num_kept: int) -> NDArray[np.bool_]:
        """Return the mask of one tensor."""
        return self._masks[tensor.name].copy()  # callers may change what they get


class PassingMask(OneMask):
    """A state of a mask that changes during training, which scoring cannot find again.

    Parameters
    ----------
    text
        A sentence on which state it is.
    """

    def __init__(self, layout: Layout, masks: Mapping[str, NDArray[np.bool_]], text: str) -> None:
        super().__init__(layout, masks)
        self._text = text

    def describe(self, num_kept: int) -> str:
        """Return which state it is."""
        return self._text


def removed_value(dtype: np.dtype[Any]) -> Any:  # noqa: ANN401 - of that type
    """Return the value for a position without a connection, where nothing is ever kept."""
    return False if dtype.kind == "b" else np.iinfo(dtype).max
