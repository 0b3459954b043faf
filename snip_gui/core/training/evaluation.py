"""Loss and accuracy: of a network on images that it is not trained on, and of training steps.

Shapes: B images per batch, C channels, H rows, W columns, K classes.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING

import torch
from torch import nn

from snip_gui.core.base.tensors import to_double

if TYPE_CHECKING:
    from collections.abc import Generator

    from torch import Tensor

    from snip_gui.core.data.images.batches import Batches

_BATCH = 1000


def evaluation(model: nn.Module, images: Batches) -> Generator[None, None, tuple[float, float]]:
    """Evaluate a network on images, yielding after each batch.

    Returns
    -------
    tuple of float
        Mean loss and accuracy.
    """
    loss, hits = 0.0, 0
    batches = images.batches(None, _BATCH)
    try:
        for inputs_BCHW, labels_B in batches:
            model.eval()
            with torch.no_grad():
                scores_BK = model(inputs_BCHW)
                loss += float(nn.functional.cross_entropy(scores_BK, labels_B, reduction="sum"))
                hits += int((scores_BK.argmax(1) == labels_B).sum())
            yield
    finally:
        batches.close()
    return loss / len(images), hits / len(images)


class RunningMetrics:
    """Losses and correct predictions since the last point, kept on the device to avoid waiting."""

    def __init__(self) -> None:
        self._losses: list[Tensor] = []
        self._hits_B: list[Tensor] = []

    def add(self, loss: Tensor, scores_BK: Tensor, labels_B: Tensor) -> None:
        """Add one batch."""
        self._losses.append(loss)
        self._hits_B.append(scores_BK.argmax(1) == labels_B)

    def take(self) -> tuple[float, float]:
        """Return the mean loss and accuracy, and reset; synchronises with the device."""
        losses = to_double(torch.stack(self._losses)).tolist()
        sizes = [len(hits_B) for hits_B in self._hits_B]
        loss = sum(map(operator.mul, losses, sizes)) / sum(sizes)
        accuracy = int(torch.cat(self._hits_B).sum()) / sum(sizes)
        self._losses, self._hits_B = [], []
        return loss, accuracy
