"""Jobs that open and save recipe files, with the user-supplied images beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from snip_gui.core.base.events import Event
from snip_gui.core.base.files import write_text
from snip_gui.core.data.minibatch.own_images import beside_recipe, copy_images
from snip_gui.core.data.sets.catalogue import DATASETS
from snip_gui.core.models.networks import find_network
from snip_gui.core.models.own.source import pin_files
from snip_gui.core.recipe.json import encode_recipe, load_recipe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.recipe.recipe import Recipe


@dataclass(frozen=True)
class RecipeOpened(Event):
    """A recipe file was read, and the files that it names exist."""

    path: Path
    recipe: Recipe


@dataclass(frozen=True)
class RecipeSaved(Event):
    """A recipe was written to a file."""

    path: Path
    recipe: Recipe


def open_recipe(path: Path, images_folder: Path, cancel: CancelToken) -> Iterator[Event]:
    """Read a recipe file and copy its user-supplied images to a folder.

    Raises
    ------
    UserError
        If the file is not a recipe, or a network, data set, file or image that it names is missing
        or is not the original one.
    """
    recipe = pin_files(load_recipe(path))
    refuse_unknown(recipe)
    cancel.raise_if_cancelled()
    copy_images(recipe, (beside_recipe(path),), images_folder)
    yield RecipeOpened(path, recipe)


def save_recipe(
    recipe: Recipe, path: Path, image_folders: Sequence[Path], cancel: CancelToken
) -> Iterator[Event]:
    """Write a recipe file, and its user-supplied images beside it.

    Raises
    ------
    UserError
        If a file cannot be written, or an image cannot be read.
    """
    write_text(path, encode_recipe(recipe))
    cancel.raise_if_cancelled()
    copy_images(recipe, image_folders, beside_recipe(path))
    yield RecipeSaved(path, recipe)


def refuse_unknown(recipe: Recipe) -> None:
    """Raise `UserError` if the recipe's network or data set does not exist."""
    find_network(recipe.model)
    DATASETS[recipe.data.name]
