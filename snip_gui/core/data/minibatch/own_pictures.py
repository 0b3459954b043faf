"""User-supplied pictures: fitted to a data set, stored as PNG files, and read back.

Shapes: C channels, H rows, W columns.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.events import Event, Progress
from snip_gui.core.base.files import read_bytes, replacing
from snip_gui.core.data.images.decoding import (
    UNREADABLE,
    as_plain,
    explain_unreadable,
    opened,
    shown,
)
from snip_gui.core.data.minibatch.own_images import (
    Fitted,
    ImagesKept,
    PicturesFitted,
    digest_image,
)
from snip_gui.core.recipe.recipe import OwnImage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.data.images.image_set import ImageSet

MOST_PICTURES = 500  # at once; more should be a data set
_LARGEST_FILE = 64_000_000  # bytes of a stored image
_CORNER = 0.1  # fraction of a side; most pictures show background there


def fit_picture(name: str, picture: Path | bytes, images: ImageSet) -> Fitted:
    """Convert a picture to an image of a data set: scaled, centre-cropped, greyscale or RGB.

    An unreadable picture is returned with its problem.

    Parameters
    ----------
    picture
        A file, or its contents.

    Raises
    ------
    UserError
        If images of the data set can no longer be read.
    """
    return _fit(name, picture, images, _background(images))


def fit_pictures(
    pictures: Sequence[Path | bytes], images: ImageSet, cancel: CancelToken
) -> Iterator[Event]:
    """Fit files, or the contents of files, to a data set; ends with `PicturesFitted`.

    Raises
    ------
    UserError
        If there are too many, or images of the data set can no longer be read.
    Cancelled
        If cancelled meanwhile.
    """
    if len(pictures) > MOST_PICTURES:
        raise UserError(
            f"{len(pictures):,} pictures are too many to add one by one; {MOST_PICTURES:,} can be "
            "added at once.",
            "Put them into one folder for each class, and open that as a data set.",
            field="minibatch.images",
        )
    background, fitted = _background(images), []
    for number, picture in enumerate(pictures):
        cancel.raise_if_cancelled()
        yield Progress("Reading images", number, len(pictures))
        name = "pasted image" if isinstance(picture, bytes) else shown(picture.name)
        fitted.append(_fit(name, picture, images, background))
    yield PicturesFitted(tuple(fitted))


def _fit(name: str, picture: Path | bytes, images: ImageSet, background: float) -> Fitted:
    channels, rows, columns = images.image_shape
    try:
        with opened(io.BytesIO(picture) if isinstance(picture, bytes) else str(picture)) as image:
            plain = as_plain(image, images.train_images.scale)
            plain = plain.convert("L" if channels == 1 else "RGB")
            plain = ImageOps.fit(plain, (columns, rows), Image.Resampling.LANCZOS)
    except UNREADABLE as error:
        nothing = np.zeros(images.image_shape, np.uint8)
        return Fitted(name, nothing, problem=f"It cannot be read: {explain_unreadable(error)}.")
    array = np.asarray(plain, np.uint8)
    image_CHW = array[None] if array.ndim == 2 else array.transpose(2, 0, 1).copy()
    is_negative = channels == 1 and abs(background - _corners(image_CHW)) > 128
    return Fitted(name, image_CHW, is_negative=is_negative)


def _background(images: ImageSet) -> float:
    """Return the mean brightness of the corners of a data set's images, from a sample."""
    few = images.train_images.read(np.arange(min(16, len(images.train_images))))
    return float(np.mean([_corners(one) for one in few]))


def _corners(image_CHW: NDArray[np.uint8]) -> float:
    """Return the mean brightness of an image's four corners."""
    down, across = (max(1, round(side * _CORNER)) for side in image_CHW.shape[1:])
    top_bottom = np.concatenate([image_CHW[:, :down], image_CHW[:, -down:]], axis=1)
    return float(np.concatenate([top_bottom[..., :across], top_bottom[..., -across:]]).mean())


def save_image(folder: Path, image_CHW: NDArray[np.uint8]) -> str:
    """Store an image in a folder and return its digest; raises `UserError` on failure."""
    digest = digest_image(image_CHW)
    path = folder / f"{digest}.png"
    if not path.exists():
        pixels = image_CHW[0] if len(image_CHW) == 1 else image_CHW.transpose(1, 2, 0)
        with replacing(path) as part:
            Image.fromarray(np.ascontiguousarray(pixels)).save(part, format="PNG")
    return digest


def keep_images(
    folder: Path, chosen: Sequence[tuple[NDArray[np.uint8], int]], cancel: CancelToken
) -> Iterator[Event]:
    """Store images (C, H, W) with their labels in a folder; ends with `ImagesKept`.

    Raises
    ------
    UserError
        If the folder is not writable.
    Cancelled
        If cancelled meanwhile.
    """
    kept = []
    for number, (image_CHW, label) in enumerate(chosen):
        cancel.raise_if_cancelled()
        yield Progress("Keeping images", number, len(chosen))
        kept.append(OwnImage(digest=save_image(folder, image_CHW), label=label))
    yield ImagesKept(tuple(kept))


def load_image(
    digest: str, folders: Sequence[Path], shape: tuple[int, int, int]
) -> NDArray[np.uint8]:
    """Return a stored image (C, H, W).

    Raises
    ------
    UserError
        If it is in none of the folders, has been modified, or has an unexpected shape.
    """
    path = find_kept(digest, folders)
    if path is None:
        raise _lost("One of your own images in the minibatch is not on this computer.")
    _, image_CHW = read_kept_image(path, digest)
    if image_CHW.shape != shape:
        was, needed = ("x".join(map(str, s[1:] + s[:1])) for s in (image_CHW.shape, shape))
        raise _lost(f"One of your own images is {was}, but those of the data set are {needed}.")
    return image_CHW


def find_kept(digest: str, folders: Sequence[Path]) -> Path | None:
    """Return the file of a stored image in the first folder that has it."""
    paths = (folder / f"{digest}.png" for folder in folders)
    return next((path for path in paths if path.exists()), None)


def read_kept_image(path: Path, digest: str) -> tuple[bytes, NDArray[np.uint8]]:
    """Return the contents of a stored image's file, and the image as an array (C, H, W).

    Raises
    ------
    UserError
        If it cannot be read, or its digest does not match. Links are refused: the folder may be
        untrusted, and their targets would be copied with the recipe.
    """
    try:
        data = read_bytes(path, max_bytes=_LARGEST_FILE, follow_links=False)
        with opened(io.BytesIO(data)) as picture:
            array = np.asarray(picture, np.uint8)
    except UserError as error:
        raise _lost(error.message) from error
    except UNREADABLE as error:
        raise _lost(f"“{path}” cannot be read: {explain_unreadable(error)}.") from error
    image_CHW = array[None] if array.ndim == 2 else array.transpose(2, 0, 1)
    if digest_image(image_CHW) != digest:
        raise _lost(f"“{path}” is no longer the image that was chosen.")
    return data, np.ascontiguousarray(image_CHW)


def _lost(message: str) -> UserError:
    hint = "Remove it from the minibatch, or add it again."
    return UserError(message, hint, field="minibatch.images")
