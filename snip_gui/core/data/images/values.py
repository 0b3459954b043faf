"""Maps pixel values of any range to 0..255, on one scale for all images of a data set.

Shapes: H rows, W columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

BRIGHT = 128  # smaller values, such as 0 to 16, would look black
_SIXTEEN_BITS = 65_535
_MAPPED_AT_ONCE = 2**20  # values: converting all at once to float takes too much memory


@dataclass(frozen=True, slots=True)
class ValueScale:
    """A linear mapping of values to 0..255, with clipping.

    Attributes
    ----------
    low, high
        The values that map to 0 and 255.
    text
        The mapping as a sentence for the log.
    rounds_down
        Whether to truncate rather than round to the nearest integer.
    """

    low: float
    high: float
    text: str
    rounds_down: bool = False

    def apply(self, values: NDArray[Any]) -> NDArray[np.uint8]:
        """Return values of any shape and real type as uint8."""
        if self.rounds_down:
            if values.dtype.kind == "u" and values.dtype.itemsize == 2 and self.high > 255:
                return (values >> 8).astype(np.uint8)
            cut: NDArray[np.uint8] = (
                (values.astype(np.float64) / (self.high / 255)).clip(0, 255).astype(np.uint8)
            )
            return cut
        # Halved, so that no difference overflows.
        width = self.high / 2 - self.low / 2
        share = (values.astype(np.float64) / 2 - self.low / 2) / (width or 1.0)
        mapped: NDArray[np.uint8] = np.rint(share * 255).clip(0, 255).astype(np.uint8)
        return mapped

    def apply_by_rows(self, values_HW: NDArray[Any]) -> NDArray[np.uint8]:
        """Return a large image as uint8, using little memory."""
        mapped_HW = np.empty(values_HW.shape, np.uint8)
        step = max(1, _MAPPED_AT_ONCE // max(1, values_HW.shape[1]))
        for start in range(0, len(values_HW), step):
            mapped_HW[start : start + step] = self.apply(values_HW[start : start + step])
        return mapped_HW


UNIT_SCALE = ValueScale(0, 1, "Values from 0 to 1 are mapped to 0 to 255.")


def linear_scale(low: float, high: float) -> ValueScale:
    """Return the scale that stretches a range of values to 0..255."""
    return ValueScale(low, high, f"Values from {low:g} to {high:g} are mapped to 0 to 255.")


def find_file_scale(low: float, high: float) -> ValueScale:
    """Return the scale for image files of a data set with values from ``low`` to ``high``.

    Values within 0..1 are multiplied by 255. Values within 0..255 or 0..65,535 that reach the upper
    half are 8-bit or 16-bit values; any others, such as 12-bit values, are stretched.
    """
    if low >= 0 and high <= 1:
        return UNIT_SCALE
    if low >= 0 and BRIGHT <= high <= 255:
        text = f"Values from {low:g} to {high:g} are taken as they are."
        return ValueScale(0, 255, text, rounds_down=True)
    if low >= 0 and _SIXTEEN_BITS // 2 < high <= _SIXTEEN_BITS:
        text = "16-bit values, 0 to 65,535, are mapped to 0 to 255."
        return ValueScale(0, _SIXTEEN_BITS, text, rounds_down=True)
    return linear_scale(low, high)
