"""The input map: which pixels the kept connections of the first layer read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from snip_gui.core.models.catalogue import InputMapKind, WindowStep


@dataclass(frozen=True, slots=True)
class ReceptiveFields:
    """Square receptive fields on a grid: width and distance in input pixels."""

    width: int
    stride: int


def pixel_fractions(
    kept_OI: NDArray[np.bool_], image_shape: tuple[int, int, int]
) -> NDArray[np.float64]:
    """Return the kept fraction of each pixel's outgoing connections, shape (C, H, W)."""
    counts_I = np.count_nonzero(kept_OI, axis=0)
    fraction_I: NDArray[np.float64] = counts_I / kept_OI.shape[0]
    return fraction_I.reshape(image_shape)


def column_fractions(
    kept_OI: NDArray[np.bool_], image_shape: tuple[int, int, int]
) -> NDArray[np.float64]:
    """Return the kept fraction (C, H, W) of each column, for a network that reads row by row.

    All rows are read through the same connections, so all rows of the map are equal.
    """
    channels, rows, columns = image_shape
    fraction_I = np.count_nonzero(kept_OI, axis=0) / kept_OI.shape[0]
    fraction_C1W = fraction_I.reshape(channels, 1, columns)
    return np.broadcast_to(fraction_C1W, (channels, rows, columns)).astype(np.float64)


def receptive_fields(windows: Sequence[WindowStep]) -> ReceptiveFields:
    """Return the receptive fields of a chain of unpadded convolutions and pooling layers."""
    width, stride = 1, 1
    for step in windows:
        width += (step.width - 1) * stride
        stride *= step.stride
    return ReceptiveFields(width, stride)


def position_fractions(
    kept_OI: NDArray[np.bool_], windows: Sequence[WindowStep], rows: int, columns: int
) -> NDArray[np.float64]:
    """Return the kept fraction (1, H, W) behind each pixel, for a convolutional first layer.

    The fractions of overlapping fields are averaged; a pixel in no field gets 0.

    Parameters
    ----------
    kept_OI
        Mask of the first fully connected layer, whose inputs are flattened feature maps.
    windows
        The convolutions and pooling layers before it.
    rows, columns
        Size of the input image.
    """
    fields = receptive_fields(windows)
    num_rows = (rows - fields.width) // fields.stride + 1
    num_columns = (columns - fields.width) // fields.stride + 1
    fraction_I = np.count_nonzero(kept_OI, axis=0) / kept_OI.shape[0]
    fraction_PP = fraction_I.reshape(-1, num_rows, num_columns).mean(axis=0)
    total_HW = np.zeros((rows, columns))
    times_HW = np.zeros((rows, columns))
    for (row, column), fraction in np.ndenumerate(fraction_PP):
        top, left = row * fields.stride, column * fields.stride
        field = np.s_[top : top + fields.width, left : left + fields.width]
        total_HW[field] += fraction
        times_HW[field] += 1
    mean_HW = np.divide(total_HW, times_HW, out=np.zeros_like(total_HW), where=times_HW > 0)
    return mean_HW[None]


def find_mapped_inputs(
    kind: InputMapKind, image_shape: tuple[int, int, int], row: int, column: int
) -> tuple[int, ...]:
    """Return the inputs of the mapped layer that read a pixel, one per channel.

    Empty for a network that begins with convolutions, where a pixel lies in many fields.
    """
    channels, rows, columns = image_shape
    match kind:
        case "pixels":
            return tuple((channel * rows + row) * columns + column for channel in range(channels))
        case "columns":
            return tuple(channel * columns + column for channel in range(channels))
    return ()


def find_pixel(
    kind: InputMapKind, image_shape: tuple[int, int, int], source: int
) -> tuple[int, int] | None:
    """Return row and column of the pixel that an input of the mapped layer reads.

    If the network reads row by row, the first row stands for all; None if there is no single pixel.
    """
    _, rows, columns = image_shape
    match kind:
        case "pixels":
            row, column = divmod(source % (rows * columns), columns)
            return row, column
        case "columns":
            return 0, source % columns
    return None
