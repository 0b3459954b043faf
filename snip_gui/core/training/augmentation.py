"""Shifting and mirroring training images on the device, a batch at a time (paper, section 5).

Every random number follows from the seed and the epoch, so a training goes on after a stop as if it
had never stopped, and devices agree.

Shapes: N training images, B of a batch, C channels, H rows, W columns, P = H * W.
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
"""How far an image is shifted at most along an axis."""


@dataclass(frozen=True, eq=False)
class Augmentation:
    """How each image of one epoch is changed, by its place in the order of the epoch.

    Attributes
    ----------
    shifts_N2
        How far right and down the picture moves, plus `MOST_PIXELS`.
    is_mirrored_N
        None if no image is mirrored.
    """

    shifts_N2: Tensor
    is_mirrored_N: Tensor | None

    def __call__(self, inputs_BCHW: Tensor, first: int) -> Tensor:
        """Return standardised images changed; what moves in at an edge is zero, the mean.

        Parameters
        ----------
        first
            Place of the first image in the order of the epoch.
        """
        part = slice(first, first + len(inputs_BCHW))
        if self.is_mirrored_N is not None:
            mirrored_B111 = self.is_mirrored_N[part].view(-1, 1, 1, 1)
            inputs_BCHW = torch.where(mirrored_B111, inputs_BCHW.flip(3), inputs_BCHW)
        return _shifted(inputs_BCHW, self.shifts_N2[part])


def make_augmentation(
    training: Training, seed: int, epoch: int, number: int, device: torch.device
) -> Augmentation | None:
    """Return how the images of an epoch are changed; None if they are not."""
    if training.augmentation == "none":
        return None
    # Drawn on the CPU, whatever the device.
    generator = torch.Generator().manual_seed(stream_seed(seed, "augmentation", epoch))
    shifts_N2 = torch.randint(0, 2 * MOST_PIXELS + 1, (number, 2), generator=generator)
    mirrored_N = None
    if training.augmentation == "flip-and-shift":
        mirrored_N = (torch.rand(number, generator=generator) < 0.5).to(device)
    return Augmentation(shifts_N2.to(device), mirrored_N)


def _shifted(inputs_BCHW: Tensor, shifts_B2: Tensor) -> Tensor:
    """Return each image cut out of a padded copy at a place of its own."""
    number, channels, rows, columns = inputs_BCHW.shape
    side, device = MOST_PIXELS, inputs_BCHW.device
    padded = functional.pad(inputs_BCHW, (side, side, side, side))
    first_B2 = 2 * side - shifts_B2  # the window moves the other way than the picture
    row_BH1 = (first_B2[:, 1, None] + torch.arange(rows, device=device)).unsqueeze(2)
    column_B1W = (first_B2[:, 0, None] + torch.arange(columns, device=device)).unsqueeze(1)
    place_B1P = (row_BH1 * padded.shape[3] + column_B1W).view(number, 1, -1)
    cut_BCP = padded.flatten(2).gather(2, place_B1P.expand(-1, channels, -1))
    return cut_BCP.view(number, channels, rows, columns)
