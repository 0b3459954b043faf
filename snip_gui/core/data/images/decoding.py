"""Image files of any kind as arrays of one shape.

Shapes: K images, C channels, H rows, W columns. Pictures are grey (H, W) or colour (H, W, 3).
"""

from __future__ import annotations

import os
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from snip_gui.core.base.errors import ImagesLostError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm",
                      ".pgm"})  # fmt: skip
UNREADABLE = (OSError, ValueError, SyntaxError, EOFError, LookupError, OverflowError,
              struct.error, zlib.error, Image.DecompressionBombError)  # fmt: skip
"""What Pillow raises at a file that is no image, or a damaged one."""

_GREY_MODES = frozenset({"1", "L", "LA", "I", "I;16", "I;16B", "F"})
_ORIENTATION = 0x0112
_SIDEWAYS = 5  # from here on, EXIF orientations turn rows into columns


@dataclass(frozen=True, slots=True)
class Header:
    """What the first bytes of a file say: width and height as seen, and whether it is grey."""

    size: tuple[int, int]
    is_grey: bool


def read_header(path: str) -> Header:
    """Look at a file without decoding it; raises one of `UNREADABLE`."""
    with Image.open(path) as image:
        width, height = image.size
        # Without this look, some formats would decode the whole image for its EXIF data.
        turned = "exif" in image.info and image.getexif().get(_ORIENTATION, 1) >= _SIDEWAYS
        return Header((height, width) if turned else (width, height), image.mode in _GREY_MODES)


def decode_file(path: str, image_shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Return a file as an image (C, H, W); raises one of `UNREADABLE`.

    A large JPEG is decoded at a fraction of its size, but at least at twice the size asked for.
    """
    channels, rows, columns = image_shape
    with Image.open(path) as image:
        side = 2 * max(rows, columns)
        image.draft(None, (side, side))
        array = as_array(image, (columns, rows))
    if array.ndim == 3:
        return array.transpose(2, 0, 1)
    return np.broadcast_to(array, (channels, rows, columns))


def decode_files(paths: Sequence[str], image_shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Return files as images (K, C, H, W).

    Raises
    ------
    ImagesLostError
        If a file can no longer be read; the error names it.
    """
    images_KCHW = np.empty((len(paths), *image_shape), np.uint8)
    for image_CHW, path in zip(images_KCHW, paths, strict=True):
        try:
            image_CHW[:] = decode_file(path, image_shape)
        except UNREADABLE as error:
            raise ImagesLostError(
                f"“{shown(path)}” cannot be read any more: {explain_unreadable(error)}.",
                "Put the file back, or choose the data set again.",
                field="data.name",
            ) from error
    return images_KCHW


def thumbnail(path: str, side: int) -> NDArray[np.uint8]:
    """Return a file as a small image (C, H, W), no side longer; raises one of `UNREADABLE`."""
    with Image.open(path) as image:
        image.draft(None, (side, side))
        plain = as_plain(image)
        plain.thumbnail((side, side), Image.Resampling.BILINEAR, reducing_gap=2.0)
        array = np.asarray(plain, np.uint8)
    return array[None] if array.ndim == 2 else array.transpose(2, 0, 1)


def as_array(image: Image.Image, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return an image of any mode as uint8, grey (H, W) or colour (H, W, 3).

    One of another size is scaled and cropped at its centre.

    Parameters
    ----------
    size
        Width and height.
    """
    plain = as_plain(image)
    if plain.size != size:
        plain = ImageOps.fit(plain, size, Image.Resampling.BILINEAR)
    return np.asarray(plain, np.uint8)


def as_plain(image: Image.Image) -> Image.Image:
    """Return an image of any mode as one of mode L or RGB.

    Palettes are resolved, transparency lies on white, 16-bit values are cut to 8, and EXIF
    orientation is followed.
    """
    is_grey = image.mode in _GREY_MODES
    if image.mode.startswith("I;16"):
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    elif image.mode in ("I", "F"):
        values = np.asarray(image, np.float64)
        values = values / 257 if values.max(initial=0) > 255 else values
        image = Image.fromarray(values.clip(0, 255).astype(np.uint8))
    upright = ImageOps.exif_transpose(image)
    if upright.mode == "P" or "A" in upright.mode:
        layered = upright.convert("RGBA")
        paper = Image.new("RGBA", layered.size, "white")
        upright = Image.alpha_composite(paper, layered)
    return upright.convert("L" if is_grey else "RGB")


def explain_unreadable(error: Exception) -> str:
    """Return why a file cannot be read, in words that do not repeat its name."""
    match error:
        case FileNotFoundError():
            return "it is gone"
        case UnidentifiedImageError():
            return "it is no image of a known kind"
        case OSError(strerror=str(text)):
            return text
    text = str(error).rstrip(".") or type(error).__name__
    return "it is cut off" if "truncated" in text.lower() else text


def shown(path: str) -> str:
    """Return a path as text that can always be shown, also if its bytes are no text."""
    return os.fsencode(path).decode(errors="replace")
