"""Converts arrays of any type to uint8 images and labels counted from 0, and reports how.

Shapes: N images, C channels, H rows, W columns, K classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.events import Event, Progress
from snip_gui.core.data.images.values import BRIGHT, UNIT_SCALE, ValueScale, linear_scale

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from numpy.typing import NDArray

    from snip_gui.core.base.cancel import CancelToken

_BLOCK = 500  # images converted at once, to limit the memory for floats


def refused(message: str, hint: str) -> UserError:
    """Return the error for arrays that cannot be used."""
    return UserError(message, hint, field="data.name")


# Images


def channels_first(name: str, array: NDArray[Any]) -> tuple[NDArray[Any], str]:
    """Return a view of images as (N, C, H, W), and a note if the layout is ambiguous.

    Raises
    ------
    UserError
        If the shape is not (N, H, W), (N, H, W, 1 or 3) or (N, 1 or 3, H, W), or N is 0.
    """
    shape = "x".join(map(str, array.shape))
    hint = "Save images as (N, H, W), (N, H, W, 1 or 3) or (N, 1 or 3, H, W)."
    if array.ndim not in (3, 4):
        raise refused(
            f"“{name}” has {array.ndim} dimensions ({shape}), so it does not hold images.", hint
        )
    if 0 in array.shape:
        raise refused(f"“{name}” holds no images ({shape}).", "Choose another file.")
    if array.ndim == 3:
        return array[:, None], ""
    first, last = array.shape[1] in (1, 3), array.shape[3] in (1, 3)
    if not first and not last:
        raise refused(f"“{name}” ({shape}) has no axis of 1 or 3 channels.", hint)
    if last:
        both = f"“{name}” ({shape}) is read with its channels last." if first else ""
        return np.moveaxis(array, 3, 1), both
    return array, ""


def find_scale(
    name: str, images: NDArray[Any], cancel: CancelToken
) -> Generator[Event, None, ValueScale | None]:
    """Return how training images are mapped to uint8; None if they are uint8 already.

    Values within 0..1 are multiplied by 255; integers within 0..255 that reach the upper half are
    used unchanged; all others are mapped linearly from their range.

    Raises
    ------
    UserError
        If they are not numbers, or one is not finite (the error says which).
    Cancelled
        If cancelled meanwhile.
    """
    if images.dtype.kind not in "buif":
        raise refused(
            f"“{name}” holds {images.dtype}, not numbers.", "Save integers or floats as images."
        )
    if images.dtype == np.uint8 and int(images.max()) >= BRIGHT:
        return None
    low, high, whole = np.inf, -np.inf, True
    for start, block in _blocks(images):
        cancel.raise_if_cancelled()
        yield Progress(f"Checking “{name}”", start, len(images))
        _check_finite(name, block, start)
        low, high = min(low, float(block.min())), max(high, float(block.max()))
        whole = whole and (block.dtype.kind != "f" or bool((block == np.rint(block)).all()))
    if low >= 0 and high <= 1:
        return UNIT_SCALE
    if whole and low >= 0 and BRIGHT <= high <= 255:
        text = f"Values are integers from {low:g} to {high:g} and used unchanged."
        return ValueScale(0, 255, text)
    return linear_scale(low, high)


def as_bytes(
    name: str, images: NDArray[Any], scale: ValueScale | None, cancel: CancelToken
) -> Generator[Event, None, NDArray[np.uint8]]:
    """Return images (N, C, H, W) as uint8; raises as `find_scale` does."""
    if scale is None:
        return np.ascontiguousarray(images)
    mapped = np.empty(images.shape, np.uint8)
    for start, block in _blocks(images):
        cancel.raise_if_cancelled()
        yield Progress(f"Converting “{name}”", start, len(images))
        _check_finite(name, block, start)
        mapped[start : start + _BLOCK] = scale.apply(block)
    return mapped


def _blocks(images: NDArray[Any]) -> Iterator[tuple[int, NDArray[Any]]]:
    for start in range(0, len(images), _BLOCK):
        yield start, images[start : start + _BLOCK]


def _check_finite(name: str, block: NDArray[Any], start: int) -> None:
    if block.dtype.kind == "f" and not np.isfinite(block).all():
        number, channel, row, column = np.argwhere(~np.isfinite(block))[0]
        raise refused(
            f"“{name}” holds {block[number, channel, row, column]} in image {start + number}, row "
            f"{row}, column {column}.",
            "Replace values that are not finite and save the file again.",
        )


# Labels


@dataclass(frozen=True, slots=True)
class Labelling:
    """The meaning of the labels of the training part.

    Attributes
    ----------
    first
        Number of the first class; None if the labels are names.
    """

    classes: tuple[str, ...]
    first: int | None

    def apply(self, name: str, labels: NDArray[Any]) -> NDArray[np.int64]:
        """Return indices into the classes; raises `UserError` for an unknown label."""
        plain_N = plain_labels(name, labels)
        if (plain_N.dtype.kind == "U") != (self.first is None):
            raise refused(
                f"The labels of “{name}” are of a different kind from the training labels.",
                "Save both as names or both as numbers.",
            )
        if self.first is None:
            known = np.array(self.classes)
            indices_N = np.searchsorted(known, plain_N).clip(0, len(known) - 1)
            strange = known[indices_N] != plain_N
        else:
            indices_N = plain_N - self.first
            strange = (indices_N < 0) | (indices_N >= len(self.classes))
        if strange.any():
            number = int(np.flatnonzero(strange)[0])
            raise refused(
                f"Label {number} of “{name}” is {plain_N[number]}, which does not occur in the "
                "training labels.",
                "Use the same classes in both parts.",
            )
        return indices_N.astype(np.int64)


def find_labelling(name: str, labels: NDArray[Any]) -> Labelling:
    """Return the classes of training labels.

    Numbers count from 0 or from 1; names are sorted; (N, K) is one-hot.

    Raises
    ------
    UserError
        If the labels are none of these, or there is only one class.
    """
    plain_N = plain_labels(name, labels)
    found = np.unique(plain_N)
    if len(found) < 2:
        raise refused(
            f"“{name}” contains only one class, {found[0]}."
            if len(found)
            else f"“{name}” is empty.",
            "At least two classes are needed.",
        )
    if plain_N.dtype.kind == "U":
        return Labelling(tuple(found.tolist()), None)
    low, high = int(found[0]), int(found[-1])
    num_classes = labels.shape[1] if _is_one_hot(labels) else high - low + 1
    if low not in (0, 1) and not _is_one_hot(labels):
        raise refused(
            f"The labels of “{name}” run from {low:,} to {high:,}.",
            "Number the classes from 0 or from 1.",
        )
    if num_classes > len(labels):
        raise refused(
            f"The labels of “{name}” run up to {high:,}, but there are only {len(labels):,} "
            "images, so they are not class numbers.",
            "Number the classes from 0 or from 1.",
        )
    first = 0 if _is_one_hot(labels) else low
    return Labelling(tuple(str(first + index) for index in range(num_classes)), first)


def plain_labels(name: str, labels: NDArray[Any]) -> NDArray[Any]:
    """Return labels (N) as int64 or as text.

    Raises
    ------
    UserError
        If they are neither integers nor text nor one-hot.
    """
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if _is_one_hot(labels):
        hot: NDArray[np.int64] = labels.argmax(axis=1).astype(np.int64)
        return hot
    if labels.ndim != 1:
        shape = "x".join(map(str, labels.shape))
        raise refused(
            f"“{name}” ({shape}) is neither one label per image nor one-hot.",
            "Save labels as (N), or one-hot as (N, classes).",
        )
    if labels.dtype.kind == "S":
        try:
            labels = np.char.decode(labels, "utf-8")
        except UnicodeDecodeError as error:
            raise refused(f"“{name}” is not text: {error}.", "Save names as UTF-8.") from error
    if labels.dtype.kind == "U":
        return labels
    is_whole = labels.dtype.kind in "bui" or (
        labels.dtype.kind == "f" and bool((labels == np.rint(labels)).all())
    )
    # Beyond this, floats do not represent every integer, and unsigned integers may not fit.
    if not is_whole or (labels.size and float(np.abs(labels.astype(np.float64)).max()) > 2**53):
        raise refused(
            f"“{name}” holds {labels.dtype} values that are not whole class numbers.",
            "Save labels as integers from 0, as names, or one-hot.",
        )
    return labels.astype(np.int64)


def _is_one_hot(labels: NDArray[Any]) -> bool:
    """Return whether every row of (N, K) is one-hot."""
    if labels.ndim != 2 or labels.shape[1] < 2 or labels.dtype.kind not in "buif":
        return False
    ones = labels == 1
    return bool(((labels == 0) | ones).all() and (ones.sum(axis=1) == 1).all())
