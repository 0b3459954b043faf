"""Images decoded anew whenever they are needed, for data sets that do not fit in memory.

Shapes: N images, B images per batch, C channels, H rows, W columns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from snip_gui.core.data.images.batches import ChosenPixels, Standardiser, batch_slices

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from snip_gui.core.data.images.batches import Batches
    from snip_gui.core.data.images.decoders import Decoders
    from snip_gui.core.data.images.pixels import PixelChoice
    from snip_gui.core.data.images.store import FileStore


class StreamedImages:
    """Images in files with their labels; implements `Batches`.

    Batches are bitwise identical to those of `ResidentImages`.

    Parameters
    ----------
    indices_N
        Indices of these images in the store.
    decoders
        Processes that decode ahead; all image sets of a training run share them.
    """

    def __init__(
        self,
        store: FileStore,
        labels_N: NDArray[np.int64],
        indices_N: NDArray[np.int64],
        mean_C: Sequence[float],
        deviation_C: Sequence[float],
        device: torch.device,
        decoders: Decoders,
        input_shape: tuple[int, int, int] | None = None,
    ) -> None:
        self._store, self._decoders = store, decoders
        self._paths = [store.paths[index] for index in indices_N]
        self._labels_N = torch.from_numpy(labels_N[indices_N]).to(device)
        self._standardise = Standardiser(mean_C, deviation_C, device, input_shape)

    def __len__(self) -> int:
        return len(self._paths)

    @property
    def device(self) -> torch.device:
        """Device of the batches."""
        return self._labels_N.device

    def batch(self, indices_B: Tensor | slice) -> tuple[Tensor, Tensor]:
        """Return standardised images (B, C, H, W) and labels (B)."""
        everything = torch.arange(len(self))
        ((inputs_BCHW, labels_B),) = self.batches(everything[indices_B], len(self))
        return inputs_BCHW, labels_B

    def batches(
        self,
        order_N: Tensor | None,
        batch_size: int,
        first_batch: int = 0,
        *,
        join_single: bool = False,
    ) -> Generator[tuple[Tensor, Tensor], None, None]:
        """Yield all images in batches, decoded ahead by other processes."""
        if order_N is None:
            order_N = torch.arange(len(self), device=self.device)
        parts = batch_slices(len(order_N), batch_size, first_batch, join_single=join_single)
        order = order_N.tolist()
        paths = ([self._paths[index] for index in order[part]] for part in parts)
        decoded = self._decoders.decode(paths, self._store)
        try:
            for part, images_BCHW in zip(parts, decoded, strict=True):
                images = torch.from_numpy(images_BCHW).to(self.device)
                yield self._standardise(images), self._labels_N[order_N[part]]
        finally:
            decoded.close()

    def with_pixels(self, choice: PixelChoice) -> Batches:
        """Return the same images with only some of their pixels."""
        return ChosenPixels(self, choice)

    def close(self) -> None:
        """End the processes that decode ahead."""
        self._decoders.close()
