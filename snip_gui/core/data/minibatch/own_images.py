"""Single images of the user's own, in the minibatch beside those of the data set.

No torch, and no Pillow until there is one: see `snip_gui.core.data.minibatch.own_pictures`.

They are fitted to the data set's shape once, and kept as PNG files named by the digest of their
pixels; a recipe names digest and label. In the minibatch they come after the N training images: the
j-th of them has the index N + j.

Shapes: N training images, J own ones, K chosen, C channels, H rows, W columns.
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
    """A picture as an image of the data set.

    Attributes
    ----------
    name
        Where it comes from, for a person.
    image_CHW
        uint8.
    is_negative
        Whether its background is dark where that of the data set is light, or the reverse.
    problem
        Why it cannot be used; empty if it can.
    """

    name: str
    image_CHW: NDArray[np.uint8]
    is_negative: bool = False
    problem: str = ""


def negative(image_CHW: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return an image with light and dark exchanged."""
    return np.uint8(255) - image_CHW


def digest_image(image_CHW: NDArray[np.uint8]) -> str:
    """Return the digest by which an image is named: of its shape and its pixels."""
    shape = "x".join(map(str, image_CHW.shape))
    return hashlib.sha256(shape.encode() + np.ascontiguousarray(image_CHW).tobytes()).hexdigest()


def find_own_images(recipe: Recipe) -> tuple[OwnImage, ...]:
    """Return the own images of a recipe's minibatch, in the order of their digests."""
    minibatch = recipe.minibatch
    if not isinstance(minibatch, Picked):
        return ()
    return tuple(sorted(minibatch.images, key=lambda image: image.digest))


def make_picked(recipe: Recipe, indices_K: NDArray[np.int64], num_training: int) -> Picked:
    """Return the minibatch that ascending indices mean, own images of the recipe among them."""
    own, training = find_own_images(recipe), indices_K[indices_K < num_training]
    images = tuple(own[index - num_training] for index in indices_K[len(training) :])
    return Picked(indices=tuple(training.tolist()), images=images)


def minibatch_labels(
    recipe: Recipe, indices_K: NDArray[np.int64], labels_N: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the labels of a recipe's scored images, its own ones included."""
    labels_J = np.array([image.label for image in find_own_images(recipe)], np.int64)
    found: NDArray[np.int64] = np.concatenate([labels_N, labels_J])[indices_K]
    return found


def beside_recipe(path: Path) -> Path:
    """Return the folder beside a recipe's file that holds its own images."""
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
            from snip_gui.core.data.minibatch.own_pictures import find_kept, read_kept

            source = find_kept(image.digest, folders)
            if source is not None:
                data, _ = read_kept(source, image.digest)
                write_bytes(target, data)


@dataclass(frozen=True)
class ImagesKept(Event):
    """Images of the user's own are kept under their digests, in the order of asking."""

    images: tuple[OwnImage, ...]


@dataclass(frozen=True)
class PicturesFitted(Event):
    """Pictures of the user's own as images of the data set, in the order of asking."""

    pictures: tuple[Fitted, ...]
