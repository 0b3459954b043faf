"""Batches of standardised images on a device, wherever their pixels are stored.

Shapes: N images, B images per batch, C channels, H rows, W columns.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Protocol

import torch

from snip_gui.core.data.images.fit import fit_images
from snip_gui.core.data.images.pixels import PixelChoice

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from torch import Tensor

    from snip_gui.core.data.images.pixels import PixelChoice


class Batches(Protocol):
    """Images and labels for training and evaluation."""

    def __len__(self) -> int: ...

    @property
    def device(self) -> torch.device:
        """Device of the batches."""
        ...

    def batch(self, indices_B: Tensor | slice) -> tuple[Tensor, Tensor]:
        """Return standardised images (B, C, H, W) and labels (B)."""
        ...

    def batches(
        self,
        order_N: Tensor | None,
        batch_size: int,
        first_batch: int = 0,
        *,
        join_single: bool = False,
    ) -> Generator[tuple[Tensor, Tensor], None, None]:
        """Yield all images in batches; the last batch may be smaller.

        Parameters
        ----------
        order_N
            Indices of the images in order; None for the stored order.
        first_batch
            Number of batches to skip at the beginning.
        join_single
            Whether a last batch of a single image is merged with the previous one.

        Raises
        ------
        ImagesLostError
            If an image can no longer be read.
        """
        ...

    def with_pixels(self, choice: PixelChoice) -> Batches:
        """Return the same images with only some of their pixels."""
        ...

    def close(self) -> None:
        """Release helper processes; the images can still be read afterwards."""
        ...


class Standardiser:
    """Standardises each channel to mean 0 and deviation 1, and resizes images for the network.

    Parameters
    ----------
    input_shape
        Channels, rows and columns of the network's input; None for those of the images.
    """

    def __init__(
        self,
        mean_C: Sequence[float],
        deviation_C: Sequence[float],
        device: torch.device,
        input_shape: tuple[int, int, int] | None = None,
    ) -> None:
        self._input_shape = input_shape
        mean, deviation = torch.tensor(mean_C), torch.tensor(deviation_C)
        self._scale_C11 = (1 / (255 * deviation)).to(device).view(-1, 1, 1)
        self._shift_C11 = (-mean / deviation).to(device).view(-1, 1, 1)

    def __call__(self, images_BCHW: Tensor) -> Tensor:
        """Convert uint8 images on the device to float32 inputs of the network."""
        inputs_BCHW = images_BCHW.float().mul_(self._scale_C11).add_(self._shift_C11)
        if self._input_shape is None:
            return inputs_BCHW
        return fit_images(inputs_BCHW, self._input_shape)

    def with_pixels(self, choice: PixelChoice, image_shape: tuple[int, ...]) -> Standardiser | None:
        """Return a standardiser for the chosen pixels only; None if images are resized."""
        if self._input_shape not in (None, image_shape):
            return None
        other = copy.copy(self)
        other._input_shape = None
        if len(self._scale_C11) > 1:
            channels = choice.channels(*image_shape[1:]).to(self._scale_C11.device)
            other._scale_C11 = self._scale_C11[channels]
            other._shift_C11 = self._shift_C11[channels]
        return other


def batch_slices(
    number: int, batch_size: int, first_batch: int = 0, *, join_single: bool = False
) -> list[slice]:
    """Return the slice of each batch; the parameters are those of `Batches.batches`."""
    starts = list(range(0, number, batch_size))
    if join_single and len(starts) > 1 and number - starts[-1] == 1:
        starts.pop()
    ends = [*starts[1:], number]
    return [slice(start, end) for start, end in zip(starts, ends, strict=True)][first_batch:]


class ChosenPixels:
    """Images reduced to some of their pixels; implements `Batches`."""

    def __init__(self, images: Batches, choice: PixelChoice) -> None:
        self._images, self._choice = images, choice

    def __len__(self) -> int:
        return len(self._images)

    @property
    def device(self) -> torch.device:
        """Device of the batches."""
        return self._images.device

    def batch(self, indices_B: Tensor | slice) -> tuple[Tensor, Tensor]:
        """Return the chosen pixels of standardised images, and their labels (B)."""
        inputs_BCHW, labels_B = self._images.batch(indices_B)
        return self._choice(inputs_BCHW), labels_B

    def batches(
        self,
        order_N: Tensor | None,
        batch_size: int,
        first_batch: int = 0,
        *,
        join_single: bool = False,
    ) -> Generator[tuple[Tensor, Tensor], None, None]:
        """Yield all images in batches."""
        batches = self._images.batches(order_N, batch_size, first_batch, join_single=join_single)
        try:
            for inputs_BCHW, labels_B in batches:
                yield self._choice(inputs_BCHW), labels_B
        finally:
            batches.close()

    def with_pixels(self, choice: PixelChoice) -> Batches:
        """Return the same images with only some of these pixels."""
        return ChosenPixels(self, choice)

    def close(self) -> None:
        """Release helper processes."""
        self._images.close()
