"""Evaluation of a network on images that it is not trained on.

Shapes: B images per batch, C channels, H rows, W columns, K classes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Generator

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
