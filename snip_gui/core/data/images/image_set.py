"""A data set: its pixels, labels and normalisation.

Shapes: N images, K selected images, C channels, H rows, W columns, V pixel values.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.text import size_text
from snip_gui.core.data.images.store import ArrayStore, ImageStore, num_bytes

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

# Counting takes eight bytes per value and holds the GIL.
_COUNTED_AT_ONCE = 2**20


@dataclass(frozen=True, slots=True, eq=False)
class ImageSet:
    """Training and test images with their labels; all arrays are read-only.

    Attributes
    ----------
    train_images, test_images
        The pixels.
    train_labels_N, test_labels_N
        int64, indices into ``classes``.
    mean_C, deviation_C
        Mean and standard deviation per channel over every pixel of all training images, including
        the validation split, of values scaled to 0..1 (official code, ``mnist.py``).
    digest
        Digest of the training images and labels, independent of where their files are.
    kept
        Where the pixels are stored, for display.
    """

    name: str
    title: str
    classes: tuple[str, ...]
    train_images: ImageStore
    train_labels_N: NDArray[np.int64]
    test_images: ImageStore
    test_labels_N: NDArray[np.int64]
    mean_C: tuple[float, ...]
    deviation_C: tuple[float, ...]
    digest: str
    kept: str

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, rows and columns of an image."""
        return self.train_images.image_shape


def make_image_set(
    *,
    name: str,
    title: str,
    classes: tuple[str, ...],
    train: tuple[NDArray[np.uint8], NDArray[np.integer]],
    test: tuple[NDArray[np.uint8], NDArray[np.integer]],
) -> ImageSet:
    """Validate images and labels in memory and compute their normalisation.

    Parameters
    ----------
    train, test
        uint8 images (N, C, H, W) and their integer labels (N).

    Raises
    ------
    UserError
        If images or labels have another type or shape, or the images of the two parts differ in
        size; and as `assemble` does.
    """
    for part, (images, labels_N) in (("training", train), ("test", test)):
        _refuse_wrong_arrays(title, part, np.asarray(images), np.asarray(labels_N))
    if train[0].shape[1:] != test[0].shape[1:]:
        raise UserError(
            f"{title}: training images of {train[0].shape[1:]} but test images of "
            f"{test[0].shape[1:]}.",
            "All images must have the same channels, rows and columns.",
        )
    train_store, test_store = ArrayStore(train[0]), ArrayStore(test[0])
    census = Census(len(train_store), train_store.image_shape)
    census.add(train_store.images_NCHW)
    return assemble(
        name=name,
        title=title,
        classes=classes,
        train=(train_store, train[1]),
        test=(test_store, test[1]),
        census=census,
    )


def _refuse_wrong_arrays(title: str, part: str, images: NDArray[Any], labels: NDArray[Any]) -> None:
    """Raise `UserError` unless images are uint8 (N, C, H, W) and labels are integers (N)."""
    if images.dtype != np.uint8 or images.ndim != 4:
        raise UserError(
            f"{title}: the {part} images are {images.dtype} of shape {images.shape}.",
            "They must be uint8 of shape (images, channels, rows, columns).",
        )
    if labels.dtype.kind not in "iu" or labels.ndim != 1:
        raise UserError(
            f"{title}: the {part} labels are {labels.dtype} of shape {labels.shape}.",
            "They must be integers, one for each image.",
        )


def assemble(
    *,
    name: str,
    title: str,
    classes: tuple[str, ...],
    train: tuple[ImageStore, NDArray[np.integer]],
    test: tuple[ImageStore, NDArray[np.integer]],
    census: Census,
    kept: str = "",
) -> ImageSet:
    """Validate images and labels, wherever they are stored, and create a data set.

    Parameters
    ----------
    train, test
        Images and their labels (N).
    census
        Statistics of all training images.
    kept
        Where the pixels are stored, for display; empty for a set in memory.

    Raises
    ------
    UserError
        If there are no training images, a label is not that of a class, images and labels differ in
        number, or all pixels are equal.
    """
    for part, (store, labels_N) in (("training", train), ("test", test)):
        if len(store) != len(labels_N):
            raise UserError(
                f"{title}: {len(store)} {part} images but {len(labels_N)} labels.",
                "There must be one for each image. Download a damaged data set again.",
            )
        if len(store) == 0:
            raise UserError(f"{title}: there are no {part} images.", "Choose another data set.")
        if labels_N.min() < 0 or labels_N.max() >= len(classes):
            raise UserError(
                f"{title}: the {part} labels run from {labels_N.min()} to {labels_N.max()}, "
                f"but there are {len(classes)} classes.",
                f"They must be from 0 to {len(classes) - 1}. Download a damaged data set again.",
            )
    mean_C, deviation_C = compute_statistics(census.counts_CV)
    if max(deviation_C) == 0:
        raise UserError(f"{title}: all pixels have the same value.", "Choose another data set.")
    train_labels_N, test_labels_N = _labels(train[1]), _labels(test[1])
    return ImageSet(
        name=name,
        title=title,
        classes=classes,
        train_images=train[0],
        train_labels_N=train_labels_N,
        test_images=test[0],
        test_labels_N=test_labels_N,
        mean_C=mean_C,
        # A channel without contrast becomes zero; avoid dividing by zero.
        deviation_C=tuple(deviation or 1.0 for deviation in deviation_C),
        digest=census.digest(train_labels_N),
        kept=kept or f"kept in memory, {size_text(num_bytes(train[0]) + num_bytes(test[0]))}",
    )


class Census:
    """Statistics of all training images, accumulated batch by batch.

    Attributes
    ----------
    counts_CV
        By channel, number of pixels with each of the 256 values.
    """

    def __init__(self, number: int, image_shape: tuple[int, int, int]) -> None:
        self.counts_CV = np.zeros((image_shape[0], 256), np.int64)
        self._digest = hashlib.blake2b(digest_size=16)
        self._digest.update(str((number, *image_shape)).encode())

    def add(self, images_KCHW: NDArray[np.uint8]) -> None:
        """Add images, in the order of the data set."""
        self._digest.update(np.ascontiguousarray(images_KCHW).data)
        step = max(1, _COUNTED_AT_ONCE // math.prod(images_KCHW.shape[1:]))
        for start in range(0, len(images_KCHW), step):
            for channel, counts_V in enumerate(self.counts_CV):
                values = images_KCHW[start : start + step, channel].ravel()
                counts_V += np.bincount(values, minlength=256)

    def digest(self, labels_N: NDArray[np.int64]) -> str:
        """Return the digest of all images, their shape and their labels."""
        whole = self._digest.copy()
        whole.update(str(labels_N.shape).encode())
        whole.update(labels_N.data)
        return whole.hexdigest()


def compute_statistics(
    counts_CV: NDArray[np.int64],
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation per channel of values scaled to 0..1.

    Exact up to the final rounding, because the histogram of the 256 values is sufficient.
    """
    values = np.arange(256) / 255
    means, deviations = [], []
    for counts in counts_CV:
        mean = float((counts * values).sum() / counts.sum())
        variance = float((counts * (values - mean) ** 2).sum() / counts.sum())
        means.append(mean)
        # Exactly 0 for equal values, which a rounded mean would not give.
        deviations.append(variance**0.5 if np.count_nonzero(counts) > 1 else 0.0)
    return tuple(means), tuple(deviations)


def _labels(labels_N: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return read-only int64 labels."""
    frozen: NDArray[np.int64] = np.array(labels_N, np.int64)
    frozen.flags.writeable = False
    return frozen


def mean_image(images_KCHW: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the rounded mean of images, shape (C, H, W); black if there are none."""
    if len(images_KCHW) == 0:
        return np.zeros(images_KCHW.shape[1:], np.uint8)
    mean_CHW = images_KCHW.mean(axis=0, dtype=np.float64)
    rounded: NDArray[np.uint8] = np.rint(mean_CHW).astype(np.uint8)
    return rounded
