"""Stores of pixels: in memory, or in files that are decoded on demand.

Shapes: N images, K selected images, C channels, H rows, W columns. No torch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from snip_gui.core.data.images.values import ValueScale

Indices: TypeAlias = "Sequence[int] | NDArray[np.int64]"


class ImageStore(Protocol):
    """Images of one size, read by index."""

    def __len__(self) -> int: ...

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, rows and columns of an image."""
        ...

    @property
    def in_memory(self) -> bool:
        """Whether reading is cheap enough for the GUI thread."""
        ...

    @property
    def scale(self) -> ValueScale | None:
        """How values of more than 8 bits were mapped to 8 bits; None if there were none."""
        ...

    def read(self, indices: Indices) -> NDArray[np.uint8]:
        """Return images (K, C, H, W); raises `ImagesLostError` if one can no longer be read."""
        ...


class ArrayStore:
    """Images in memory, as one read-only array."""

    in_memory = True

    def __init__(self, images_NCHW: NDArray[np.uint8], scale: ValueScale | None = None) -> None:
        self.scale = scale
        self.images_NCHW: NDArray[np.uint8] = np.ascontiguousarray(images_NCHW).view()
        self.images_NCHW.flags.writeable = False

    def __len__(self) -> int:
        return len(self.images_NCHW)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, rows and columns of an image."""
        channels, rows, columns = self.images_NCHW.shape[1:]
        return channels, rows, columns

    def read(self, indices: Indices) -> NDArray[np.uint8]:
        """Return images (K, C, H, W)."""
        return self.images_NCHW[indices]


@dataclass(frozen=True, slots=True)
class FileStore:
    """Images in files, resized to one shape on every read.

    Attributes
    ----------
    scale
        How values of more than 8 bits are mapped to 8 bits; None if no file has any.
    """

    paths: tuple[str, ...]
    image_shape: tuple[int, int, int]
    scale: ValueScale | None = None
    in_memory = False

    def __len__(self) -> int:
        return len(self.paths)

    def read(self, indices: Indices) -> NDArray[np.uint8]:
        """Return images (K, C, H, W); raises `ImagesLostError` naming the missing file."""
        from snip_gui.core.data.images.decoding import (
            decode_files,  # imports Pillow, hence late
        )

        paths = [self.paths[index] for index in indices]
        return decode_files(paths, self.image_shape, self.scale)


def num_bytes(store: ImageStore) -> int:
    """Return the bytes that all images of a store take, or would take, in memory."""
    return len(store) * math.prod(store.image_shape)
