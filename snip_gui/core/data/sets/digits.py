"""The built-in data set: 1,797 handwritten digits from the UCI repository.

Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak, UCI Machine Learning
Repository, CC BY 4.0. The 8x8 images are enlarged like those of MNIST, to 20x20 and centred in
28x28, to suit the networks of the paper.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from snip_gui.core.base.resources import resource
from snip_gui.core.base.seeding import numpy_stream
from snip_gui.core.data.images.image_set import ImageSet, make_image_set

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TEST_PER_CLASS = 40  # leaves 134 to 143 training images of each class


def load_digits() -> ImageSet:
    """Return the digits with a fixed split: 400 test images, 40 of each class."""
    with np.load(resource("data", "uci-digits.npz")) as file:
        images_N88, labels_N = file["images"], file["labels"].astype(np.int64)
    images_NCHW = enlarge(images_N88)[:, None]
    is_test = np.zeros(len(labels_N), bool)
    generator = numpy_stream(0, "digits", "test")
    for digit in range(10):
        is_test[generator.permutation(np.flatnonzero(labels_N == digit))[:_TEST_PER_CLASS]] = True
    return make_image_set(
        name="digits",
        title="UCI digits",
        classes=tuple(str(digit) for digit in range(10)),
        train=(images_NCHW[~is_test], labels_N[~is_test]),
        test=(images_NCHW[is_test], labels_N[is_test]),
    )


def enlarge(images_N88: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return 8x8 images of values 0..16 as 28x28 images of values 0..255.

    Bilinear to 20x20 (nearest-neighbour would give a checkerboard), with a black border of 4
    pixels.
    """
    weights_OI = _bilinear(8, 20)
    scaled = np.einsum("oi,nij,pj->nop", weights_OI, images_N88 * (255 / 16), weights_OI)
    images_NHW = np.zeros((len(images_N88), 28, 28), np.uint8)
    images_NHW[:, 4:24, 4:24] = np.rint(scaled).clip(0, 255)
    return images_NHW


def _bilinear(num_in: int, num_out: int) -> NDArray[np.float64]:
    """Return the (out, in) matrix of linear interpolation between pixel centres."""
    centres = ((np.arange(num_out) + 0.5) * num_in / num_out - 0.5).clip(0, num_in - 1)
    distances = np.abs(centres[:, None] - np.arange(num_in))
    return (1 - distances).clip(0)
