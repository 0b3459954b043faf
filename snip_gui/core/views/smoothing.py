"""Curves smoothed for the eye. Shape: N points."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def smoothed(values_N: NDArray[np.float64], factor: float) -> NDArray[np.float64]:
    """Return the exponential moving average of a curve, without a pull towards zero at its start.

    Parameters
    ----------
    factor
        Weight of the past, 0 up to but not 1; 0 leaves the curve as it is.
    """
    if not factor:
        return values_N
    result_N = np.empty_like(values_N)
    total = weight = 0.0
    for number, value in enumerate(values_N.tolist()):
        total = factor * total + (1 - factor) * value
        weight = factor * weight + (1 - factor)
        result_N[number] = total / weight
    return result_N
