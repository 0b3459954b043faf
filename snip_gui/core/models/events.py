"""Events of jobs on networks."""

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
    """The architecture of the chosen network for images of the chosen data set."""

    architecture: Architecture


@dataclass(frozen=True)
class NetworksListed(Event):
    """Names of torchvision's classification networks."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class WeightsRead(Event):
    """A weight file is readable: its digest, the key of its weights, and the number of values."""

    path: Path
    digest: str
    key: str
    num_values: int


@dataclass(frozen=True)
class WeightSet:
    """One of several sets of weights in a file: where it is, and the number of its values."""

    key: str
    num_values: int


@dataclass(frozen=True)
class SeveralFound(Event):
    """A weight file has several sets of weights, of which one has to be chosen."""

    path: Path
    sets: tuple[WeightSet, ...]


@dataclass(frozen=True)
class CheckpointFound(Event):
    """A weight file was read and identified.

    Attributes
    ----------
    title
        Its kind, for display.
    key
        Location of the weights in the file; empty at the top level.
    mask_from
        The source of its masks, for display.
    recipes
        Recipes that continue from it, one for each network that fits, most likely first.
    knows_recipe
        Whether the file contains its recipe.
    errors
        By split, the misclassified fraction stated in the file.
    """

    path: Path
    title: str
    key: str
    num_tensors: int
    num_values: int
    mask_from: str
    recipes: tuple[Recipe, ...]
    knows_recipe: bool
    errors: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class MasksFound(Event):
    """A file of masks fits the network.

    Attributes
    ----------
    recipe
        The recipe with these masks.
    num_kept, num_parameters
        Numbers of connections that the masks keep, and that they cover.
    dense
        Layers without a mask.
    """

    path: Path
    recipe: Recipe
    num_kept: int
    num_parameters: int
    dense: tuple[str, ...]
