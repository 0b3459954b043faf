"""Which input pixels keep their connections (paper, section 5.4, figure 2).

For a fully connected first layer a pixel's value is the fraction of its outgoing connections that
is kept. For a network that begins with convolutions it is the kept fraction at each position of the
first fully connected layer's input, laid over the receptive fields of those positions.

Shapes: O outputs, I inputs, C channels, H rows, W columns, P positions a side.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from snip_gui.core.views.picture import Picture, to_indices

if TYPE_CHECKING:
    from numpy.typing import NDArray


MapScale: TypeAlias = Literal["own-maximum", "unit"]


def map_picture(
    fraction_CHW: NDArray[np.float64], scale: MapScale, *, apart: bool = False
) -> Picture:
    """Return the picture of an input map, black for 0.

    Parameters
    ----------
    scale
        ``own-maximum`` divides by the largest fraction, as the paper's figure does; ``unit`` shows
        fractions from 0 to 1 as they are.
    apart
        Whether channels stand side by side, one empty column between, instead of being averaged.
    """
    planes = fraction_CHW if apart else fraction_CHW.mean(axis=0, keepdims=True)
    high = float(planes.max()) if scale == "own-maximum" else 1.0
    high = high if high > 0 and math.isfinite(high) else 1.0
    index_CHW = to_indices(planes, 0.0, high)
    parted_CHW = np.pad(index_CHW, ((0, 0), (0, 0), (0, 1)))
    index_HW = np.concatenate(tuple(parted_CHW), axis=1)[:, :-1]
    return Picture(np.ascontiguousarray(index_HW), 0.0, high, "fraction kept", "grey")
