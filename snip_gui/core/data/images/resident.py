"""Images as uint8 tensors that stay on the device and are standardised batch by batch.

Shapes: N images, B images per batch, C channels, H rows, W columns.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import torch

from snip_gui.core.data.images.batches import ChosenPixels, Standardiser, batch_slices

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from snip_gui.core.data.images.batches import Batches
    from snip_gui.core.data.images.pixels import PixelChoice


class ResidentImages:
    """Images and labels on a device; implements `Batches`.

    There is no loader and no Python code per image: a batch is one gather, one conversion and one
    affine map.
    """

    def __init__(
        self,
        images_NCHW: NDArray[np.uint8],
        labels_N: NDArray[np.int64],
        mean_C: Sequence[float],
        deviation_C: Sequence[float],
        device: torch.device,
        input_shape: tuple[int, int, int] | None = None,
    ) -> None:
        self._images_NCHW = torch.from_numpy(_writable(images_NCHW)).to(device)
        self._labels_N = torch.from_numpy(_writable(labels_N)).to(device)
        self._standardise = Standardiser(mean_C, deviation_C, device, input_shape)

    def __len__(self) -> int:
        return len(self._labels_N)

    @property
    def device(self) -> torch.device:
        """Device of the images."""
        return self._labels_N.device

    def batch(self, indices_B: Tensor | slice) -> tuple[Tensor, Tensor]:
        """Return standardised images (B, C, H, W) and labels (B)."""
        if isinstance(indices_B, slice):
            return self._standardise(self._images_NCHW[indices_B]), self._labels_N[indices_B]
        # Copies whole images, which is ten times as fast as indexing byte by byte.
        images_BCHW = self._images_NCHW.index_select(0, indices_B)
        return self._standardise(images_BCHW), self._labels_N.index_select(0, indices_B)

    def batches(
        self,
        order_N: Tensor | None,
        batch_size: int,
        first_batch: int = 0,
        *,
        join_single: bool = False,
    ) -> Generator[tuple[Tensor, Tensor], None, None]:
        """Yield all images in batches."""
        for part in batch_slices(len(self), batch_size, first_batch, join_single=join_single):
            yield self.batch(part if order_N is None else order_N[part])

    def with_pixels(self, choice: PixelChoice) -> Batches:
        """Return the same images with only some of their pixels, selected once for all batches."""
        standardise = self._standardise.with_pixels(choice, tuple(self._images_NCHW.shape[1:]))
        if standardise is None:
            return ChosenPixels(self, choice)
        other = copy.copy(self)
        other._images_NCHW, other._standardise = choice(self._images_NCHW), standardise
        return other

    def close(self) -> None:
        """Do nothing: there are no helper processes."""


def _writable(array: NDArray[np.generic]) -> NDArray[np.generic]:
    """Return an array that torch wraps without a warning; copied only if it is read-only."""
    return array if array.flags.writeable else array.copy()
