"""What jobs on networks yield."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from snip_gui.core.base.events import Event

if TYPE_CHECKING:
    from pathlib import Path

    from snip_gui.core.models.architecture import Architecture
    from snip_gui.core.recipe.recipe import Recipe


@dataclass(frozen=True)
class NetworkMeasured(Event):
    """What the chosen network is made of, on images of the chosen data set."""

    architecture: Architecture


@dataclass(frozen=True)
class NetworksListed(Event):
    """Names of torchvision's classification networks."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class WeightsRead(Event):
    """A file of weights can be read: its digest, and how many numbers it holds."""

    path: Path
    digest: str
    num_values: int


@dataclass(frozen=True)
class CheckpointFound(Event):
    """A file of weights was read, and it is known what can be done with it.

    Attributes
    ----------
    title
        Its kind, in words.
    mask_from
        What says which of its weights were removed.
    recipes
        What goes on with it, one for each network that fits, the likeliest first.
    knows_recipe
        Whether the file says which recipe it came of.
    errors
        By split, the fraction that was classified wrongly, as the file says.
    """

    path: Path
    title: str
    num_tensors: int
    num_values: int
    mask_from: str
    recipes: tuple[Recipe, ...]
    knows_recipe: bool
    errors: tuple[tuple[str, float], ...]
