"""Giving a network some pixels of its images only.

Shapes: N images, B of a batch, C channels, H rows, W columns, P pixels that are given.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class PixelChoice:
    """Which pixels a network is given, and how.

    Attributes
    ----------
    indices_P
        Their places in the flat order (C, H, W) of an image.
    shape
        What the network is given of an image: whole channels, or (P, 1, 1).
    """

    indices_P: Tensor
    shape: tuple[int, int, int]

    def __call__(self, images_BCHW: Tensor) -> Tensor:
        """Return the chosen pixels of images."""
        indices_P = self.indices_P.to(images_BCHW.device)
        return images_BCHW.flatten(1)[:, indices_P].reshape(-1, *self.shape)

    def channels(self, rows: int, columns: int) -> Tensor:
        """Return which channel of an image each channel that is given is taken from."""
        return self.indices_P.reshape(self.shape)[:, 0, 0] // (rows * columns)
