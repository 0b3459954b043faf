"""A drawing in the form of a data set of digits, as MNIST was made from forms.

The ink is scaled to a box of 20x20 pixels with its proportions kept, and placed in an image of
28x28 pixels such that its centre of mass is the centre of the image (LeCun et al., MNIST). The
built-in UCI digits are coarser: the ink is averaged over the 8x8 cells of a box around its middle,
which is then enlarged to 20x20 pixels (`snip_gui.core.data.sets.digits`).

Shapes: C channels, H rows, W columns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# The box of the digit in an image of MNIST, per side.
_BOX_SHARE = 20 / 28
_COARSE = "digits"
_CELLS, _FINE = 8, 20  # cells of the UCI digits per side, and pixels per cell before averaging
_FAINT = 25  # fainter pixels at the edge of a stroke do not enlarge its box


def to_digit(
    ink_HW: NDArray[np.uint8], shape: tuple[int, int, int], dataset: str = ""
) -> NDArray[np.uint8]:
    """Return a drawing, bright ink on black, as an image (C, H, W) of a data set.

    Parameters
    ----------
    shape
        Channels, rows and columns of the data set's images.
    dataset
        Name of the data set, which decides on its form.
    """
    channels, rows, columns = shape
    whole_HW = np.zeros((rows, columns), np.uint8)
    side = max(1, round(_BOX_SHARE * min(rows, columns)))
    if dataset == _COARSE:
        small_HW = _coarse(_scaled(ink_HW, _CELLS * _FINE, faintest=_FAINT), side)
        _place(small_HW, whole_HW, by_mass=False)
    else:
        _place(_scaled(ink_HW, side), whole_HW, by_mass=True)
    return np.repeat(whole_HW[None], channels, axis=0)


def _scaled(ink_HW: NDArray[np.uint8], side: int, faintest: int = 1) -> NDArray[np.uint8]:
    """Return the ink alone, its longer side scaled to a number of pixels; empty without ink."""
    places = np.argwhere(ink_HW >= faintest)
    if not len(places):
        return np.zeros((0, 0), np.uint8)
    (top, left), (bottom, right) = places.min(axis=0), places.max(axis=0) + 1
    scale = side / max(bottom - top, right - left)
    size = (max(1, round((right - left) * scale)), max(1, round((bottom - top) * scale)))
    return _resized(ink_HW[top:bottom, left:right], size, is_smaller=scale < 1)


def _coarse(small_HW: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Return ink in the centre of a square, averaged over 8x8 cells and enlarged again."""
    square_HW = np.zeros((_CELLS * _FINE,) * 2, np.uint8)
    _place(small_HW, square_HW, by_mass=False)
    cells_HW = _resized(square_HW, (_CELLS, _CELLS), is_smaller=True)
    return _resized(cells_HW, (side, side), is_smaller=False)


def _resized(
    image_HW: NDArray[np.uint8], size: tuple[int, int], *, is_smaller: bool
) -> NDArray[np.uint8]:
    """Return an image resized to a number of columns and rows: averaged, or interpolated."""
    from PIL import Image

    how = Image.Resampling.BOX if is_smaller else Image.Resampling.BILINEAR
    return np.asarray(Image.fromarray(np.ascontiguousarray(image_HW)).resize(size, how))


def _place(small_HW: NDArray[np.uint8], whole_HW: NDArray[np.uint8], *, by_mass: bool) -> None:
    """Copy a small image into the centre: its box, or its centre of mass as far as that fits.

    The centre of mass is computed from the indices of pixels, as in MNIST.
    """
    mass = float(small_HW.sum()) or 1.0
    origin = []
    for axis, (small, whole) in enumerate(zip(small_HW.shape, whole_HW.shape, strict=True)):
        centre = small / 2
        if by_mass:
            centre = float((small_HW.sum(axis=1 - axis) * np.arange(small)).sum()) / mass
        origin.append(min(max(0, round(whole / 2 - centre)), whole - small))
    top, left = origin
    whole_HW[top : top + small_HW.shape[0], left : left + small_HW.shape[1]] = small_HW
