"""Pictures of the weights, gradients and removal sparsities of a layer.

Unlike mask and sensitivity, these do not follow the slider. Shapes: H rows and W columns of the
canvas (see `snip_gui.core.views.arrangement`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from snip_gui.core.views.picture import Picture, to_indices

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from snip_gui.core.pruning.scored import Scored
    from snip_gui.core.views.arrangement import Arrangement

Values: TypeAlias = Literal["weight", "gradient", "leaves"]

NO_GRADIENT = "This method computes no gradient."
NOT_NESTED = (
    "The masks of this method do not nest: a connection that one of them removes may be kept at a "
    "higher sparsity."
)
# The colour scale ends at this quantile of the magnitudes, so that outliers do not stretch it.
_QUANTILE = 0.995
_SAMPLE = 200_000


def value_picture(
    scored: Scored, arrangement: Arrangement, what: Values, block: tuple[int, int] = (1, 1)
) -> Picture | str:
    """Return a picture of a layer's values, or a sentence on why there is none.

    Parameters
    ----------
    block
        Canvas pixels per picture pixel; if above 1, a picture pixel is the mean of its connections.
    """
    tensor = arrangement.tensor
    if what == "leaves":
        leaves = scored.masks.removal(tensor)
        if leaves is None:
            return NOT_NESTED
        return _laid_out(leaves, arrangement, block, (0.0, 1.0), "removal sparsity", signed=False)
    values_M = scored.weight_M if what == "weight" else scored.gradient_M
    if values_M is None:
        return NO_GRADIENT
    values = values_M[tensor.offset : tensor.end].reshape(tensor.shape)
    return signed_picture(values, arrangement, what, block, colour_limit(values))


def signed_picture(
    values: NDArray[np.float32],
    arrangement: Arrangement,
    label: str,
    block: tuple[int, int],
    most: float,
) -> Picture:
    """Return a picture of values in the tensor's shape, coloured from ``-most`` to ``most``."""
    return _laid_out(values, arrangement, block, (-most, most), label, signed=True)


def _laid_out(
    values: NDArray[np.float32],
    arrangement: Arrangement,
    block: tuple[int, int],
    limits: tuple[float, float],
    label: str,
    *,
    signed: bool,
) -> Picture:
    """Arrange values, averaged over blocks if these are larger than 1."""
    low, high = limits
    plane_HW, present_HW = arrangement.place(values, 0), arrangement.present_HW
    if block == (1, 1):
        index_HW = to_indices(plane_HW, low, high) * present_HW
    else:
        share = block_means(present_HW.astype(np.float32), block)
        means = block_means(plane_HW, block) / np.maximum(share, np.float32(1e-6))
        index_HW = to_indices(means, low, high) * (share > 0)
    if signed:
        return Picture(index_HW, low, high, label, "diverging", is_share=False)
    return Picture(index_HW, low, high, label, "viridis")


def block_means(values_HW: NDArray[np.float32], block: tuple[int, int]) -> NDArray[np.float32]:
    """Return the mean of each block; the last blocks may be smaller."""
    if block == (1, 1):
        return values_HW
    for axis, size in enumerate(block):
        length = values_HW.shape[axis]
        number = -(-length // size)
        shape = (number, values_HW.shape[1]) if axis == 0 else (len(values_HW), number)
        sums = np.zeros(shape, np.float32)
        # One addition per position in a block: several times faster than `numpy.add.reduceat`.
        for first in range(min(size, length)):
            part = values_HW[first::size] if axis == 0 else values_HW[:, first::size]
            sums[: part.shape[0], : part.shape[1]] += part
        counts = np.minimum(size, length - size * np.arange(number)).astype(np.float32)
        values_HW = sums / (counts[:, None] if axis == 0 else counts)
    return values_HW


def colour_limit(values: NDArray[np.float32]) -> float:
    """Return the magnitude at which the colour scale ends on both sides of zero."""
    flat = np.abs(values.reshape(-1)[:: max(1, values.size // _SAMPLE)])
    most = float(np.quantile(flat, _QUANTILE))
    return most or float(flat.max()) or 1.0
