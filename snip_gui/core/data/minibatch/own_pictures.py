"""Pictures of the user's own: fitted to a data set, kept as PNG files, and read again.

Shapes: C channels, H rows, W columns.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.events import Event, Progress
from snip_gui.core.base.files import replacing
from snip_gui.core.data.images.decoding import UNREADABLE, as_plain, explain_unreadable
from snip_gui.core.data.minibatch.own_images import Fitted, PicturesFitted, digest_image

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.data.images.image_set import ImageSet

_CORNER = 0.1  # of a side, where most pictures show their background


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
        return Fitted(name, nothing, problem=f"It cannot be read: {explain_unreadable(error)}.")
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


def save_image(folder: Path, image_CHW: NDArray[np.uint8]) -> str:
    """Keep an image in a folder and return its digest; raises `UserError` if that fails."""
    digest = digest_image(image_CHW)
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
            raise _lost(f"“{path}” cannot be read: {explain_unreadable(error)}.") from error
        image_CHW = array[None] if array.ndim == 2 else array.transpose(2, 0, 1)
        if digest_image(image_CHW) != digest:
            raise _lost(f"“{path}” is no longer the image that was chosen.")
        if image_CHW.shape != shape:
            was, needed = ("x".join(map(str, s[1:] + s[:1])) for s in (image_CHW.shape, shape))
            raise _lost(f"An image of your own is {was}, but those of the data set are {needed}.")
        return np.ascontiguousarray(image_CHW)
    raise _lost("An image of your own that the minibatch names is not on this computer.")


def _lost(message: str) -> UserError:
    hint = "Take it out of the minibatch, or add it again."
    return UserError(message, hint, field="minibatch.images")
