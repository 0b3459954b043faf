"""User-supplied images in the minibatch, in addition to those of the data set.

Imports no torch, and Pillow only if there are any; see `snip_gui.core.data.minibatch.own_pictures`.

They are fitted to the data set's shape once, and stored as PNG files named by the digest of their
pixels; a recipe contains digest and label. In the minibatch they follow the N training images: the
j-th has index N + j.

Shapes: N training images, J user-supplied ones, K chosen ones, C channels, H rows, W columns.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from snip_gui.core.base.events import Event
from snip_gui.core.base.files import write_bytes
from snip_gui.core.recipe.recipe import Picked

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from snip_gui.core.recipe.recipe import OwnImage, Recipe


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A picture converted to an image of the data set.

    Attributes
    ----------
    name
        Its origin, for display.
    image_CHW
        uint8.
    is_negative
        Whether its background is dark where that of the data set is light, or vice versa.
    problem
        Why it cannot be used; empty if it can.
    """

    name: str
    image_CHW: NDArray[np.uint8]
    is_negative: bool = False
    problem: str = ""


def negative(image_CHW: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return an image with light and dark swapped."""
    return np.uint8(255) - image_CHW


def digest_image(image_CHW: NDArray[np.uint8]) -> str:
    """Return the digest that names an image, of its shape and pixels."""
    shape = "x".join(map(str, image_CHW.shape))
    return hashlib.sha256(shape.encode() + np.ascontiguousarray(image_CHW).tobytes()).hexdigest()


def find_own_images(recipe: Recipe) -> tuple[OwnImage, ...]:
    """Return the user-supplied images of a recipe's minibatch, sorted by digest."""
    minibatch = recipe.minibatch
    if not isinstance(minibatch, Picked):
        return ()
    return tuple(sorted(minibatch.images, key=lambda image: image.digest))


def make_picked(recipe: Recipe, indices_K: NDArray[np.int64], num_training: int) -> Picked:
    """Return the minibatch for ascending indices, which may include the recipe's own images."""
    own, training = find_own_images(recipe), indices_K[indices_K < num_training]
    images = tuple(own[index - num_training] for index in indices_K[len(training) :])
    return Picked(indices=tuple(training.tolist()), images=images)


def minibatch_labels(
    recipe: Recipe, indices_K: NDArray[np.int64], labels_N: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the labels (K) of a recipe's scored images, including its own ones."""
    labels_J = np.array([image.label for image in find_own_images(recipe)], np.int64)
    found: NDArray[np.int64] = np.concatenate([labels_N, labels_J])[indices_K]
    return found


def beside_recipe(path: Path) -> Path:
    """Return the folder beside a recipe file that contains its own images."""
    return path.with_suffix(".images")


def copy_images(recipe: Recipe, folders: Sequence[Path], folder: Path) -> None:
    """Copy the own images of a recipe into a folder.

    Raises
    ------
    UserError
        If one cannot be read or written, or is not the image that was chosen.
    """
    for image in find_own_images(recipe):
        target = folder / f"{image.digest}.png"
        if not target.exists():
            from snip_gui.core.data.minibatch.own_pictures import find_kept, read_kept_image

            source = find_kept(image.digest, folders)
            if source is not None:
                data, _ = read_kept_image(source, image.digest)
                write_bytes(target, data)


@dataclass(frozen=True)
class ImagesKept(Event):
    """User-supplied images were stored under their digests, in the order given."""

    images: tuple[OwnImage, ...]


@dataclass(frozen=True)
class PicturesFitted(Event):
    """User-supplied pictures as images of the data set, in the order given."""

    pictures: tuple[Fitted, ...]
