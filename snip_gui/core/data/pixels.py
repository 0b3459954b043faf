"""Giving a network some pixels of its images only.

Shapes: N images, B of a batch, C channels, H rows, W columns, P pixels that are given.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator

    import torch
    from torch import Tensor

    from snip_gui.core.data.batches import Batches


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


class ChosenPixels:
    """Some pixels of any images; see `Batches`."""

    def __init__(self, images: Batches, choice: PixelChoice) -> None:
        self._images, self._choice = images, choice

    def __len__(self) -> int:
        return len(self._images)

    @property
    def device(self) -> torch.device:
        """Where the batches are."""
        return self._images.device

    def batch(self, indices_B: Tensor | slice) -> tuple[Tensor, Tensor]:
        """Return the chosen pixels of standardised images, and labels (B)."""
        inputs_BCHW, labels_B = self._images.batch(indices_B)
        return self._choice(inputs_BCHW), labels_B

    def batches(
        self, order_N: Tensor | None, batch_size: int, first_batch: int = 0
    ) -> Generator[tuple[Tensor, Tensor], None, None]:
        """Yield all images in batches."""
        batches = self._images.batches(order_N, batch_size, first_batch)
        try:
            for inputs_BCHW, labels_B in batches:
                yield self._choice(inputs_BCHW), labels_B
        finally:
            batches.close()

    def with_pixels(self, choice: PixelChoice) -> Batches:
        """Return the same images with some of these pixels only."""
        return ChosenPixels(self, choice)

    def close(self) -> None:
        """End what helps to read the images."""
        self._images.close()
