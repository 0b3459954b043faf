"""Jobs that decode thumbnails and mean images, which the window must not wait for."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from snip_gui.core.data.images.decoding import UNREADABLE, thumbnail
from snip_gui.core.data.images.events import MeanImageMade, ThumbnailsDecoded

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.base.events import Event
    from snip_gui.core.data.images.store import ImageStore
    from snip_gui.core.data.images.values import ValueScale

_SHOWN_AFTER_SECONDS = 0.05
_READ_AT_ONCE = 32


def decode_thumbnails(
    paths: Sequence[str], side: int, scale: ValueScale | None, cancel: CancelToken
) -> Iterator[Event]:
    """Decode thumbnails and report them in small groups; an unreadable file gets a crossed box.

    Parameters
    ----------
    scale
        As for `FileStore`.

    Raises
    ------
    Cancelled
        If cancelled meanwhile.
    """
    pictures: dict[str, NDArray[np.uint8]] = {}
    told = time.monotonic()
    for path in paths:
        cancel.raise_if_cancelled()
        try:
            pictures[path] = thumbnail(path, side, scale)
        except UNREADABLE:
            pictures[path] = crossed_box()
        if time.monotonic() - told > _SHOWN_AFTER_SECONDS:
            yield ThumbnailsDecoded(pictures)
            pictures, told = {}, time.monotonic()
    yield ThumbnailsDecoded(pictures)


def make_mean(
    store: ImageStore, indices_K: NDArray[np.int64], cancel: CancelToken
) -> Iterator[Event]:
    """Compute the mean of images of a store; ends with `MeanImageMade`.

    Raises
    ------
    UserError
        If an image can no longer be read.
    Cancelled
        If cancelled meanwhile.
    """
    total_CHW = np.zeros(store.image_shape)
    for start in range(0, len(indices_K), _READ_AT_ONCE):
        cancel.raise_if_cancelled()
        images_KCHW = store.read(indices_K[start : start + _READ_AT_ONCE])
        total_CHW += images_KCHW.sum(axis=0, dtype=np.float64)
    mean_CHW = np.rint(total_CHW / len(indices_K)).astype(np.uint8)
    yield MeanImageMade(mean_CHW)


def crossed_box() -> NDArray[np.uint8]:
    """Return the picture (1, 16, 16) that stands for an unreadable file."""
    box = np.full((16, 16), 90, np.uint8)
    places = np.arange(3, 13)
    box[places, places] = box[places, 15 - places] = 200
    return box[None]
