"""Receptive fields of hidden units: where the pixels lie that a unit is connected to.

Pellegrini & Biroli 2022 find that iterative magnitude pruning makes them local; Redman et al. 2024
(arXiv:2412.06545) explain it by images that are not Gaussian.

Shapes: O hidden units, I inputs (channels, rows and columns, in this order), N images.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def relative_distance(mask_OI: NDArray[np.bool_], shape: tuple[int, int, int]) -> float:
    """Return how far apart the pixels of a unit are, relative to what the layer as a whole implies.

    The mean distance of two inputs of the same unit, divided by the mean distance of two different
    inputs that are drawn by how many connections they have in the layer. So 1 means that units are
    no more local than the layer, whatever pixels the layer prefers; NaN if no unit has two inputs.

    Parameters
    ----------
    shape
        Channels, rows and columns of an image.
    """
    mask_OI = mask_OI.astype(np.float64)
    distance_II = _distances(shape)
    pairs_II = mask_OI.T @ mask_OI
    density_I = mask_OI.sum(axis=0)
    expected_II = np.outer(density_I, density_I)
    for weight_II in (pairs_II, expected_II):
        np.fill_diagonal(weight_II, 0)
        if not weight_II.sum():
            return float("nan")
    observed = float((pairs_II * distance_II).sum() / pairs_II.sum())
    expected = float((expected_II * distance_II).sum() / expected_II.sum())
    return observed / expected if expected else float("nan")


def _distances(shape: tuple[int, int, int]) -> NDArray[np.float64]:
    """Return the distances of inputs in pixels (I, I); channels are at the same place."""
    channels, rows, columns = shape
    places = np.stack(np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij"), axis=-1)
    places_I2 = np.tile(places.reshape(-1, 2), (channels, 1)).astype(np.float64)
    return np.asarray(np.hypot(*np.moveaxis(places_I2[:, None] - places_I2[None], -1, 0)))


def mean_kurtosis(sums_NO: NDArray[np.floating]) -> float:
    """Return the mean excess kurtosis over units of what they sum up; NaN if all are constant.

    0 for Gaussian sums; larger if few images excite a unit strongly.
    """
    centred_NO = sums_NO - sums_NO.mean(axis=0)
    variance_O = (centred_NO**2).mean(axis=0)
    varies_O = variance_O > 1e-12 * max(1e-300, float(variance_O.max(initial=0)))
    if not varies_O.any():
        return float("nan")
    fourth_O = (centred_NO[:, varies_O] ** 4).mean(axis=0)
    return float((fourth_O / variance_O[varies_O] ** 2).mean() - 3)
