"""Batches of standardised images on a device, wherever their pixels are kept.

Shapes: N images, B of a batch, C channels, H rows, W columns.
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
    """Images and labels that training and evaluation are fed with."""

    def __len__(self) -> int: ...

    @property
    def device(self) -> torch.device:
        """Where the batches are."""
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
        """Yield all images in batches; the last may be smaller.

        Parameters
        ----------
        order_N
            Indices in the order wanted; None for the order in which they are kept.
        first_batch
            Batches to leave out at the beginning.
        join_single
            Whether a single image left at the end joins the batch before it.

        Raises
        ------
        ImagesLostError
            If an image can no longer be read.
        """
        ...

    def with_pixels(self, choice: PixelChoice) -> Batches:
        """Return the same images with some of their pixels only."""
        ...

    def close(self) -> None:
        """End what helps to read the images; they can still be read afterwards."""
        ...


class Standardiser:
    """Makes the mean of each channel 0 and its deviation 1, and images fit the network.

    Parameters
    ----------
    input_shape
        Channels, rows and columns that the network sees; None for those of the images.
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
        """Return uint8 images, on the device, as float32 inputs of a network."""
        inputs_BCHW = images_BCHW.float().mul_(self._scale_C11).add_(self._shift_C11)
        if self._input_shape is None:
            return inputs_BCHW
        return fit_images(inputs_BCHW, self._input_shape)

    def with_pixels(self, choice: PixelChoice, image_shape: tuple[int, ...]) -> Standardiser | None:
        """Return what standardises the chosen pixels alone; None where images are resized."""
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
    """Return where each batch begins and ends; the parameters are those of `Batches.batches`."""
    starts = list(range(0, number, batch_size))
    if join_single and len(starts) > 1 and number - starts[-1] == 1:
        starts.pop()
    ends = [*starts[1:], number]
    return [slice(start, end) for start, end in zip(starts, ends, strict=True)][first_batch:]


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
        """Return the same images with some of these pixels only."""
        return ChosenPixels(self, choice)

    def close(self) -> None:
        """End what helps to read the images."""
        self._images.close()
