"""Pictures of input maps (paper, section 5.4, figure 2).

For a fully connected first layer, the value of a pixel is the kept fraction of its outgoing
connections. For a network that begins with convolutions, it is the kept fraction at each position
of the first fully connected layer's input, spread over the receptive field of that position.

Shapes: O outputs, I inputs, C channels, H rows, W columns, P positions per side.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from snip_gui.core.views.picture import Picture, to_indices

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from snip_gui.core.models.catalogue import InputMapKind


MapScale: TypeAlias = Literal["own-maximum", "unit"]


def edited_pixels(
    state_OI: NDArray[np.uint8], kind: InputMapKind, image_shape: tuple[int, int, int]
) -> NDArray[np.uint8] | None:
    """Return which pixels (H, W) have all their connections kept (1) or removed (2) by hand.

    None for a network whose pixels have no connections of their own.

    Parameters
    ----------
    state_OI
        What edits do to the connections of the mapped layer; see `edit_states`.
    """
    channels, rows, columns = image_shape
    if kind == "none" or kind == "positions":
        return None
    first_I = state_OI[0]
    same_I = first_I * (state_OI == first_I).all(axis=0)
    if kind == "columns":
        same_I = np.repeat(same_I.reshape(channels, 1, columns), rows, axis=1)
    same_CHW = same_I.reshape(image_shape)
    state_HW: NDArray[np.uint8] = same_CHW[0] * (same_CHW == same_CHW[0]).all(axis=0)
    return state_HW


def map_picture(
    fraction_CHW: NDArray[np.float64],
    scale: MapScale,
    *,
    apart: bool = False,
    edited_HW: NDArray[np.uint8] | None = None,
) -> Picture:
    """Return the picture of an input map, black for 0.

    Parameters
    ----------
    scale
        ``own-maximum`` divides by the largest fraction, as in the paper; ``unit`` shows fractions
        on a scale from 0 to 1.
    apart
        Whether to show channels side by side, one empty column apart, instead of their average.
    edited_HW
        Pixels that are kept or removed by hand (not 0); they do not count for the maximum, because
        a few that are kept as a whole would darken all others.
    """
    planes = fraction_CHW if apart else fraction_CHW.mean(axis=0, keepdims=True)
    if edited_HW is None or edited_HW.all():
        edited_HW = np.zeros(planes.shape[1:], np.uint8)
    high = float(planes[:, edited_HW == 0].max()) if scale == "own-maximum" else 1.0
    high = high if high > 0 and math.isfinite(high) else 1.0
    index_CHW = to_indices(planes, 0.0, high)
    parted_CHW = np.pad(index_CHW, ((0, 0), (0, 0), (0, 1)))
    index_HW = np.concatenate(tuple(parted_CHW), axis=1)[:, :-1]
    return Picture(np.ascontiguousarray(index_HW), 0.0, high, "fraction kept", "grey")
