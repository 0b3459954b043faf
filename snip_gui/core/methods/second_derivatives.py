"""What methods that differentiate twice share."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from snip_gui.core.base.errors import UserError, is_memory_error
from snip_gui.core.pruning.scoring_pass import scoring_mode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn

    from snip_gui.core.recipe.pruning import ScoringMode


@contextlib.contextmanager
def twice_differentiable(model: nn.Module, mode: ScoringMode) -> Iterator[None]:
    """Set the modes for scoring, with kernels that have a second derivative.

    Other kernels of attention have none, and neither have cuDNN's recurrent ones, which are always
    off while scoring.
    """
    with scoring_mode(model, mode), sdpa_kernel(SDPBackend.MATH):
        yield


@contextlib.contextmanager
def refusing_once_differentiable(title: str) -> Iterator[None]:
    """Raise `UserError` instead of the errors of torch if there is no second derivative.

    `torch.autograd.grad` silently skips functions that can be differentiated only once: only
    ``backward`` through the whole graph finds them.

    Parameters
    ----------
    title
        Name of the method.
    """
    try:
        yield
    except torch.cuda.OutOfMemoryError:
        raise
    except RuntimeError as error:
        if is_memory_error(error):
            raise
        raise UserError(
            f"{title} needs second derivatives, which cannot be computed here: {error}.",
            "Choose another method or another network.",
            field="pruning.method",
        ) from error
