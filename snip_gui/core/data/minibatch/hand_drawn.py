"""A drawing in the form of a data set of digits, as MNIST was made from forms.

The ink is scaled to a box of 20x20 pixels with its proportions kept, and placed in an image of
28x28 pixels such that its centre of mass is the centre of the image (LeCun et al., MNIST). The
built-in UCI digits are scaled in the same way, but the box itself is in the centre.

Shapes: C channels, H rows, W columns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# The box of the digit in an image of MNIST, per side.
_BOX_SHARE = 20 / 28
# Fainter pixels at the edge of a stroke do not enlarge the box of the UCI digits.
_FAINT = 25
_BOXED = "digits"


def to_digit(
    ink_HW: NDArray[np.uint8], shape: tuple[int, int, int], dataset: str = ""
) -> NDArray[np.uint8]:
    """Return a drawing, bright ink on black, as an image (C, H, W) of a data set.

    Parameters
    ----------
    shape
        Channels, rows and columns of the data set's images.
    dataset
        Name of the data set, which decides what is in the centre.
    """
    from PIL import Image

    channels, rows, columns = shape
    whole_HW = np.zeros((rows, columns), np.uint8)
    is_boxed = dataset == _BOXED
    places = np.argwhere(ink_HW > (_FAINT if is_boxed else 0))
    if len(places):
        (top, left), (bottom, right) = places.min(axis=0), places.max(axis=0) + 1
        scale = _BOX_SHARE * min(rows, columns) / max(bottom - top, right - left)
        size = (max(1, round((right - left) * scale)), max(1, round((bottom - top) * scale)))
        cut = Image.fromarray(ink_HW[top:bottom, left:right])
        small_HW = np.asarray(cut.resize(size, Image.Resampling.BOX if scale < 1 else
                                         Image.Resampling.BILINEAR))  # fmt: skip
        _place(small_HW, whole_HW, by_mass=not is_boxed)
    return np.repeat(whole_HW[None], channels, axis=0)


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
