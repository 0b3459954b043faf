"""A data set in memory.

Shapes: N images, C channels, H rows, W columns.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from snip_gui.core.errors import UserError

if TYPE_CHECKING:
    from numpy.typing import NDArray

T = TypeVar("T", bound=np.generic)


@dataclass(frozen=True, slots=True, eq=False)
class ImageSet:
    """Training and test images with their labels; all arrays are read-only.

    Attributes
    ----------
    train_images_NCHW, test_images_NCHW
        uint8.
    train_labels_N, test_labels_N
        int64, indices into ``classes``.
    mean_C, deviation_C
        One mean and standard deviation per channel over every pixel of all training images, held
        out ones included, of values scaled to 0..1 (official code, ``mnist.py``).
    digest
        Of the training images and labels: equal for equal sets, wherever their files lie.
    """

    name: str
    title: str
    classes: tuple[str, ...]
    train_images_NCHW: NDArray[np.uint8]
    train_labels_N: NDArray[np.int64]
    test_images_NCHW: NDArray[np.uint8]
    test_labels_N: NDArray[np.int64]
    mean_C: tuple[float, ...]
    deviation_C: tuple[float, ...]
    digest: str

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, rows and columns of an image."""
        channels, rows, columns = self.train_images_NCHW.shape[1:]
        return channels, rows, columns


def make_image_set(
    *,
    name: str,
    title: str,
    classes: tuple[str, ...],
    train: tuple[NDArray[np.uint8], NDArray[np.integer]],
    test: tuple[NDArray[np.uint8], NDArray[np.integer]],
) -> ImageSet:
    """Check images and labels and compute their normalisation.

    Parameters
    ----------
    train, test
        uint8 images (N, C, H, W) and their labels (N).

    Raises
    ------
    UserError
        If there are no training images, a label names no class, images and labels differ in
        number, or all pixels are equal.
    """
    for part, (images_NCHW, labels_N) in (("training", train), ("test", test)):
        if len(images_NCHW) != len(labels_N):
            raise UserError(
                f"{title}: {len(images_NCHW)} {part} images but {len(labels_N)} labels.",
                "The files do not belong together; get them again from the source.",
            )
        if len(images_NCHW) == 0:
            raise UserError(f"{title}: there are no {part} images.", "Choose another data set.")
        if labels_N.min() < 0 or labels_N.max() >= len(classes):
            raise UserError(
                f"{title}: the {part} labels run from {labels_N.min()} to {labels_N.max()}, "
                f"but there are {len(classes)} classes.",
                "The label file is damaged; get it again from the source.",
            )
    train_images_NCHW, train_labels_N = _frozen(train[0]), _frozen(train[1].astype(np.int64))
    mean_C, deviation_C = channel_statistics(train_images_NCHW)
    if max(deviation_C) == 0:
        raise UserError(f"{title}: all pixels are equal.", "Choose another data set.")
    # A channel without any contrast stays at zero; it must not become a division by zero.
    deviation_C = tuple(deviation or 1.0 for deviation in deviation_C)
    return ImageSet(
        name=name,
        title=title,
        classes=classes,
        train_images_NCHW=train_images_NCHW,
        train_labels_N=train_labels_N,
        test_images_NCHW=_frozen(test[0]),
        test_labels_N=_frozen(test[1].astype(np.int64)),
        mean_C=mean_C,
        deviation_C=deviation_C,
        digest=_digest(train_images_NCHW, train_labels_N),
    )


def channel_statistics(
    images_NCHW: NDArray[np.uint8],
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation per channel of values scaled to 0..1.

    Exact up to the last rounding: a histogram of the 256 values has all that is needed.
    """
    values = np.arange(256) / 255
    means, deviations = [], []
    for channel_NHW in np.moveaxis(images_NCHW, 1, 0):
        counts = np.bincount(channel_NHW.ravel(), minlength=256)
        mean = float((counts * values).sum() / counts.sum())
        variance = float((counts * (values - mean) ** 2).sum() / counts.sum())
        means.append(mean)
        # Of equal values exactly 0, which rounding of their mean would spoil.
        deviations.append(variance**0.5 if np.count_nonzero(counts) > 1 else 0.0)
    return tuple(means), tuple(deviations)


def _digest(*arrays: NDArray[np.generic]) -> str:
    """Return a digest of shapes and values."""
    digest = hashlib.blake2b(digest_size=16)
    for array in arrays:
        digest.update(str(array.shape).encode())
        digest.update(array.data)
    return digest.hexdigest()


def _frozen(array: NDArray[T]) -> NDArray[T]:
    """Return a read-only C-contiguous view or copy."""
    frozen: NDArray[T] = np.ascontiguousarray(array).view()
    frozen.flags.writeable = False
    return frozen
