"""Images as tensors that stay on the device: uint8, standardised a batch at a time.

Shapes: N images, B of a batch, C channels, H rows, W columns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from snip_gui.core.data.fit import fit_images

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor


class ResidentImages:
    """Images and labels on a device.

    No loader and no per-image Python: a batch is one gather, one conversion and one affine map.
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
        channels, rows, columns = images_NCHW.shape[1:]
        self._input_shape = input_shape or (channels, rows, columns)
        self._images_NCHW = torch.from_numpy(_writable(images_NCHW)).to(device)
        self._labels_N = torch.from_numpy(_writable(labels_N)).to(device)
        mean, deviation = torch.tensor(mean_C), torch.tensor(deviation_C)
        self._scale_C11 = (1 / (255 * deviation)).to(device).view(-1, 1, 1)
        self._shift_C11 = (-mean / deviation).to(device).view(-1, 1, 1)

    def __len__(self) -> int:
        return len(self._labels_N)

    @property
    def device(self) -> torch.device:
        """Where the images are."""
        return self._labels_N.device

    def batch(self, indices_B: Tensor | slice) -> tuple[Tensor, Tensor]:
        """Return standardised images (B, C, H, W), as the network sees them, and labels (B)."""
        images_BCHW = self._images_NCHW[indices_B].float()
        inputs_BCHW = images_BCHW.mul_(self._scale_C11).add_(self._shift_C11)
        return fit_images(inputs_BCHW, self._input_shape), self._labels_N[indices_B]


def _writable(array: NDArray[np.generic]) -> NDArray[np.generic]:
    """Return an array that torch may wrap without a warning; a copy only if it is read-only."""
    return array if array.flags.writeable else array.copy()
