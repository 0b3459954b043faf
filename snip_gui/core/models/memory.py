"""Refuses a network that would not fit in memory, before it is created or scored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snip_gui.core.base.environment import available_memory
from snip_gui.core.base.errors import UserError
from snip_gui.core.base.text import size_text
from snip_gui.core.models.networks import TORCHVISION, find_network

if TYPE_CHECKING:
    from snip_gui.core.models.architecture import Architecture
    from snip_gui.core.recipe.recipe import ModelChoice

_WEIGHT_BYTES = 4
SCORING_BYTES = 20
"""Memory that scoring and ranking take for each parameter, beyond the network itself."""
_GRADIENT_BYTES = 8  # of these, while activations are in memory


def refuse_large_network(choice: ModelChoice) -> None:
    """Raise `UserError` if a network of torchvision is too large to be scored in free memory.

    Nothing is allocated. Networks of other origins are counted once they exist, by
    `refuse_large_scoring`.
    """
    if choice.name.startswith(TORCHVISION):
        from snip_gui.core.models.torchvision_models import published_parameters

        number = published_parameters(choice.name.removeprefix(TORCHVISION))
        _refuse(choice, number * (_WEIGHT_BYTES + SCORING_BYTES))


def refuse_large_scoring(
    choice: ModelChoice, architecture: Architecture, num_parameters: int, num_images: int
) -> None:
    """Raise `UserError` if an existing network cannot be scored in the memory that is free.

    Parameters
    ----------
    num_parameters
        Number of its prunable parameters.
    num_images
        Number of images that pass through it at once.
    """
    activations = num_images * architecture.activation_bytes
    needed = max(num_parameters * SCORING_BYTES, num_parameters * _GRADIENT_BYTES + activations)
    _refuse(choice, needed)


def _refuse(choice: ModelChoice, needed: int) -> None:
    free = available_memory()
    if needed > free:
        raise UserError(
            f"Scoring {find_network(choice).title} needs about {size_text(needed)} of memory, and "
            f"{size_text(free)} are free.",
            "Close other programs, score fewer images, or choose a smaller network.",
            field="model.name",
        )
