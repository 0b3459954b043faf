"""Networks that cannot be trained on a single image.

BatchNorm in training mode divides by the standard deviation over images and positions. With a
single image and a single position there is none, and torch raises an error.

Shapes: C channels, H rows, W columns.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import torch

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.network_state import load_extra, stored_extra

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor, nn


def refuses_single_image(model: nn.Module, image_1CHW: Tensor) -> bool:
    """Return whether a network in its current mode fails on a single image.

    Buffers and random number generators are restored.
    """
    with keeping_buffers(model), _keeping_random_numbers(image_1CHW.device), torch.no_grad():
        try:
            scores = model(image_1CHW.clone())
        except (IndexError, RuntimeError, TypeError, ValueError):  # BatchNorm, or the user's code
            return True
    return isinstance(scores, torch.Tensor) and tuple(scores.shape[:1]) != (1,)


def single_images_error(batch_size: int) -> UserError:
    """Return the error for training on batches of a single image only."""
    message = "This network cannot be trained on a single image at a time."
    if batch_size == 1:
        hint = "BatchNorm needs at least two images in a batch."
        return UserError(message, hint, field="training.batch_size", proposal=2)
    hint = "Choose a data set with more than one training image."
    return UserError(message, hint, field="data.name")


@contextlib.contextmanager
def keeping_buffers(model: nn.Module) -> Iterator[None]:
    """Restore the buffers of a network, such as BatchNorm's running averages, on exit."""
    saved = [(buffer, buffer.clone()) for buffer in model.buffers()]
    extra = stored_extra(model)
    try:
        yield
    finally:
        with torch.no_grad():
            for buffer, values in saved:
                buffer.copy_(values)
        if extra:
            load_extra(model, extra)


def _keeping_random_numbers(device: torch.device) -> contextlib.AbstractContextManager[None]:
    """Restore on exit the state of the generators that dropout draws from."""
    return torch.random.fork_rng(devices=[device] if device.type == "cuda" else [])
