"""Shifts and flips of training images on the device, batch by batch (paper, section 5).

All random numbers follow from seed and epoch, so a resumed run equals an uninterrupted one, and
devices agree.

Shapes: N training images, B images per batch, C channels, H rows, W columns, P = H * W.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from snip_gui.core.base.seeding import stream_seed

if TYPE_CHECKING:
    from torch import Tensor

    from snip_gui.core.recipe.recipe import Training

MOST_PIXELS = 4
"""Largest shift along an axis."""


@dataclass(frozen=True, eq=False)
class Augmentation:
    """The augmentation of each image of an epoch, by its position in the epoch's order.

    Attributes
    ----------
    shifts_N2
        Shift to the right and down, plus `MOST_PIXELS`.
    is_mirrored_N
        Which images are flipped horizontally; None for none.
    """

    shifts_N2: Tensor
    is_mirrored_N: Tensor | None

    def __call__(self, inputs_BCHW: Tensor, first: int) -> Tensor:
        """Return augmented images; pixels shifted in are zero, which is the mean.

        Parameters
        ----------
        first
            Position of the first image in the epoch's order.
        """
        part = slice(first, first + len(inputs_BCHW))
        if self.is_mirrored_N is not None:
            mirrored_B111 = self.is_mirrored_N[part].view(-1, 1, 1, 1)
            inputs_BCHW = torch.where(mirrored_B111, inputs_BCHW.flip(3), inputs_BCHW)
        return _shifted(inputs_BCHW, self.shifts_N2[part])


def make_augmentation(
    training: Training, seed: int, epoch: int, number: int, device: torch.device
) -> Augmentation | None:
    """Return the augmentation of an epoch; None if there is none."""
    if training.augmentation == "none":
        return None
    # Always drawn on the CPU, so that devices agree.
    generator = torch.Generator().manual_seed(stream_seed(seed, "augmentation", epoch))
    shifts_N2 = torch.randint(0, 2 * MOST_PIXELS + 1, (number, 2), generator=generator)
    mirrored_N = None
    if training.augmentation == "flip-and-shift":
        mirrored_N = (torch.rand(number, generator=generator) < 0.5).to(device)
    return Augmentation(shifts_N2.to(device), mirrored_N)


def _shifted(inputs_BCHW: Tensor, shifts_B2: Tensor) -> Tensor:
    """Return images cropped from padded copies, each at its own offset."""
    number, channels, rows, columns = inputs_BCHW.shape
    side, device = MOST_PIXELS, inputs_BCHW.device
    padded = functional.pad(inputs_BCHW, (side, side, side, side))
    first_B2 = 2 * side - shifts_B2  # the crop moves opposite to the image
    row_BH1 = (first_B2[:, 1, None] + torch.arange(rows, device=device)).unsqueeze(2)
    column_B1W = (first_B2[:, 0, None] + torch.arange(columns, device=device)).unsqueeze(1)
    place_B1P = (row_BH1 * padded.shape[3] + column_B1W).view(number, 1, -1)
    cut_BCP = padded.flatten(2).gather(2, place_B1P.expand(-1, channels, -1))
    return cut_BCP.view(number, channels, rows, columns)
