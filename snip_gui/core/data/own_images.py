"""Single images of the user's own, in the minibatch beside those of the data set. No torch.

They are fitted to the data set's shape once, and kept as PNG files named by the digest of their
pixels; a recipe names digest and label. In the minibatch they come after the N training images: the
j-th of them has the index N + j.

Shapes: N training images, J own ones, K chosen, C channels, H rows, W columns.
"""

from __future__ import annotations

import hashlib
import io
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

from snip_gui.core.data.decoding import UNREADABLE, as_plain, reason_of
from snip_gui.core.errors import UserError
from snip_gui.core.events import Event, PicturesFitted, Progress
from snip_gui.core.files import replacing
from snip_gui.core.recipe import Picked

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from snip_gui.core.cancel import CancelToken
    from snip_gui.core.data.image_set import ImageSet
    from snip_gui.core.data.store import ImageStore, Indices
    from snip_gui.core.recipe import OwnImage, Recipe

_CORNER = 0.1  # of a side, where most pictures show their background


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


def fit_picture(name: str, data: bytes, images: ImageSet) -> Fitted:
    """Return any picture as an image of a data set: scaled, cropped at its centre, grey or colour.

    A picture that cannot be read comes back with its problem.
    """
    channels, rows, columns = images.image_shape
    try:
        with Image.open(io.BytesIO(data)) as picture:
            plain = as_plain(picture).convert("L" if channels == 1 else "RGB")
            plain = ImageOps.fit(plain, (columns, rows), Image.Resampling.LANCZOS)
    except UNREADABLE as error:
        nothing = np.zeros(images.image_shape, np.uint8)
        return Fitted(name, nothing, problem=f"It cannot be read: {reason_of(error)}.")
    array = np.asarray(plain, np.uint8)
    image_CHW = array[None] if array.ndim == 2 else array.transpose(2, 0, 1).copy()
    few = images.train_images.read(np.arange(min(16, len(images.train_images))))
    difference = float(np.mean([_corners(one) for one in few])) - _corners(image_CHW)
    return Fitted(name, image_CHW, is_negative=channels == 1 and abs(difference) > 128)


def fit_pictures(
    pictures: Sequence[Path | bytes], images: ImageSet, cancel: CancelToken
) -> Iterator[Event]:
    """Fit files, or the contents of files, to a data set; ends in `PicturesFitted`.

    Raises
    ------
    Cancelled
        If cancelled on the way.
    """
    fitted = []
    for number, picture in enumerate(pictures):
        cancel.raise_if_cancelled()
        yield Progress("Reading images", number, len(pictures))
        if isinstance(picture, bytes):
            fitted.append(fit_picture("pasted image", picture, images))
            continue
        try:
            data = picture.read_bytes()
        except OSError as error:
            nothing = np.zeros(images.image_shape, np.uint8)
            problem = f"It cannot be read: {error.strerror}."
            fitted.append(Fitted(picture.name, nothing, problem=problem))
        else:
            fitted.append(fit_picture(picture.name, data, images))
    yield PicturesFitted(tuple(fitted))


def _corners(image_CHW: NDArray[np.uint8]) -> float:
    """Return the mean of an image's four corners."""
    down, across = (max(1, round(side * _CORNER)) for side in image_CHW.shape[1:])
    top_bottom = np.concatenate([image_CHW[:, :down], image_CHW[:, -down:]], axis=1)
    return float(np.concatenate([top_bottom[..., :across], top_bottom[..., -across:]]).mean())


def negative(image_CHW: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return an image with light and dark exchanged."""
    return np.uint8(255) - image_CHW


def digest_of(image_CHW: NDArray[np.uint8]) -> str:
    """Return the digest by which an image is named: of its shape and its pixels."""
    shape = "x".join(map(str, image_CHW.shape))
    return hashlib.sha256(shape.encode() + np.ascontiguousarray(image_CHW).tobytes()).hexdigest()


def save_image(folder: Path, image_CHW: NDArray[np.uint8]) -> str:
    """Keep an image in a folder and return its digest; raises `UserError` if that fails."""
    digest = digest_of(image_CHW)
    path = folder / f"{digest}.png"
    if not path.exists():
        pixels = image_CHW[0] if len(image_CHW) == 1 else image_CHW.transpose(1, 2, 0)
        with replacing(path) as part:
            Image.fromarray(np.ascontiguousarray(pixels)).save(part, format="PNG")
    return digest


def load_image(
    digest: str, folders: Sequence[Path], shape: tuple[int, int, int]
) -> NDArray[np.uint8]:
    """Return a kept image (C, H, W).

    Raises
    ------
    UserError
        If it is in none of the folders, was changed, or is of another shape than asked for.
    """
    for folder in folders:
        path = folder / f"{digest}.png"
        if not path.exists():
            continue
        try:
            with Image.open(path) as picture:
                array = np.asarray(picture, np.uint8)
        except UNREADABLE as error:
            raise _lost(f"“{path}” cannot be read: {reason_of(error)}.") from error
        image_CHW = array[None] if array.ndim == 2 else array.transpose(2, 0, 1)
        if digest_of(image_CHW) != digest:
            raise _lost(f"“{path}” is no longer the image that was chosen.")
        if image_CHW.shape != shape:
            was, needed = ("x".join(map(str, s[1:] + s[:1])) for s in (image_CHW.shape, shape))
            raise _lost(f"An image of your own is {was}, but those of the data set are {needed}.")
        return np.ascontiguousarray(image_CHW)
    raise _lost("An image of your own that the minibatch names is not on this computer.")


def own_of(recipe: Recipe) -> tuple[OwnImage, ...]:
    """Return the own images of a recipe's minibatch, in the order of their digests."""
    minibatch = recipe.minibatch
    if not isinstance(minibatch, Picked):
        return ()
    return tuple(sorted(minibatch.images, key=lambda image: image.digest))


def picked_of(recipe: Recipe, indices_K: NDArray[np.int64], num_training: int) -> Picked:
    """Return the minibatch that ascending indices mean, own images of the recipe among them."""
    own, training = own_of(recipe), indices_K[indices_K < num_training]
    images = tuple(own[index - num_training] for index in indices_K[len(training) :])
    return Picked(indices=tuple(training.tolist()), images=images)


def labels_of(
    recipe: Recipe, indices_K: NDArray[np.int64], labels_N: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the labels of a recipe's scored images, its own ones included."""
    labels_J = np.array([image.label for image in own_of(recipe)], np.int64)
    found: NDArray[np.int64] = np.concatenate([labels_N, labels_J])[indices_K]
    return found


def beside_recipe(path: Path) -> Path:
    """Return the folder beside a recipe's file that holds its own images."""
    return path.with_suffix(".images")


def copy_images(recipe: Recipe, folders: Sequence[Path], folder: Path) -> None:
    """Copy the own images of a recipe into a folder; raises `UserError` if that fails."""
    for image in own_of(recipe):
        name = f"{image.digest}.png"
        source = next((place / name for place in folders if (place / name).exists()), None)
        if source is not None and not (folder / name).exists():
            with replacing(folder / name) as part:
                shutil.copyfile(source, part)


class ChosenFrom:
    """Training images followed by own ones, with their labels.

    Raises
    ------
    UserError
        If an own image cannot be had, or its label is no class.
    """

    def __init__(self, images: ImageSet, own: Sequence[OwnImage], folders: Sequence[Path]) -> None:
        for image in own:
            if image.label >= len(images.classes):
                raise UserError(
                    f"An image of your own has the label {image.label}, but there are "
                    f"{len(images.classes)} classes.",
                    "Take it out of the minibatch and add it again.",
                    field="minibatch.images",
                )
        self._store: ImageStore = images.train_images
        self._own_JCHW = [load_image(image.digest, folders, images.image_shape) for image in own]
        labels_J = np.array([image.label for image in own], np.int64)
        self.labels = np.concatenate([images.train_labels_N, labels_J])
        self.in_memory = self._store.in_memory

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, rows and columns of an image."""
        return self._store.image_shape

    def __len__(self) -> int:
        return len(self.labels)

    def own(self, index: int) -> NDArray[np.uint8] | None:
        """Return the own image (C, H, W) of an index; None for a training image."""
        place = index - len(self._store)
        return self._own_JCHW[place] if 0 <= place < len(self._own_JCHW) else None

    def read(self, indices: Indices) -> NDArray[np.uint8]:
        """Return images (K, C, H, W)."""
        indices_K = np.asarray(indices, np.int64)
        is_own = indices_K >= len(self._store)
        images_KCHW = np.empty((len(indices_K), *self.image_shape), np.uint8)
        images_KCHW[~is_own] = self._store.read(indices_K[~is_own])
        for place in np.flatnonzero(is_own):
            images_KCHW[place] = self._own_JCHW[indices_K[place] - len(self._store)]
        return images_KCHW


def _lost(message: str) -> UserError:
    hint = "Take it out of the minibatch, or add it again."
    return UserError(message, hint, field="minibatch.images")
