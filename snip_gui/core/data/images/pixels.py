"""Selection of the pixels that a network receives.

Shapes: N images, B images per batch, C channels, H rows, W columns, P selected pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class PixelChoice:
    """Which pixels a network receives, and in which shape.

    Attributes
    ----------
    indices_P
        Their indices in the flat order (C, H, W) of an image.
    shape
        Shape of the selection: whole channels, or (P, 1, 1).
    """

    indices_P: Tensor
    shape: tuple[int, int, int]

    def __call__(self, images_BCHW: Tensor) -> Tensor:
        """Return the chosen pixels of images."""
        indices_P = self.indices_P.to(images_BCHW.device)
        return images_BCHW.flatten(1)[:, indices_P].reshape(-1, *self.shape)

    def channels(self, rows: int, columns: int) -> Tensor:
        """Return the channel of the image that each selected channel comes from."""
        return self.indices_P.reshape(self.shape)[:, 0, 0] // (rows * columns)
