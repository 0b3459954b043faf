"""Decodes image files of any kind into arrays of one shape.

Shapes: K images, C channels, H rows, W columns. Pictures are greyscale (H, W) or RGB (H, W, 3).
"""

from __future__ import annotations

import contextlib
import os
import struct
import zlib
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from snip_gui.core.base.errors import ImagesLostError
from snip_gui.core.base.files import open_regular
from snip_gui.core.data.images.values import find_file_scale

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from snip_gui.core.data.images.values import ValueScale

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm",
                      ".pgm"})  # fmt: skip
UNREADABLE = (OSError, ValueError, SyntaxError, EOFError, LookupError, OverflowError,
              struct.error, zlib.error, Image.DecompressionBombError)  # fmt: skip
"""What Pillow raises for a file that is damaged or not an image."""

# Pillow selects a reader by content, not by name, and the one for PostScript runs Ghostscript.
_FORMATS = ("PNG", "JPEG", "BMP", "DIB", "GIF", "TIFF", "WEBP", "PPM")
# Decoding needs as much as twelve bytes per pixel. A large JPEG is decoded at a fraction of its
# size, but a progressive one needs six bytes for each stored pixel.
_MOST_DECODED, _MOST_STORED = 2**26, 2**27
_GREY_MODES = frozenset({"1", "L", "LA", "I", "I;16", "I;16B", "F"})
_WIDE_MODES = frozenset({"I", "I;16", "I;16B", "F"})
_TIFF_BITS, _TIFF_SAMPLE_FORMAT, _UNSIGNED = 258, 339, 1
_ORIENTATION = 0x0112
_SIDEWAYS = 5  # from here on, EXIF orientations turn rows into columns


@dataclass(frozen=True, slots=True)
class Header:
    """Information from the first bytes of a file.

    Attributes
    ----------
    size
        Width and height as displayed.
    is_wide
        Whether it has greyscale values of more than 8 bits, which need a scale.
    """

    size: tuple[int, int]
    is_grey: bool
    is_wide: bool


@contextlib.contextmanager
def opened(source: str | IO[bytes]) -> Iterator[Image.Image]:
    """Open an image of a supported format without decoding it; raises one of `UNREADABLE`.

    Parameters
    ----------
    source
        Path of a regular file, or an open file.
    """
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(open_regular(source)) if isinstance(source, str) else source
        image = stack.enter_context(Image.open(file, formats=_FORMATS))
        _refuse_larger(image, _MOST_STORED)
        yield image


def read_header(path: str) -> Header:
    """Read the header of a file without decoding it; raises one of `UNREADABLE`."""
    with opened(path) as image:
        width, height = image.size
        # Without this check, some formats decode the whole image for its EXIF data.
        turned = "exif" in image.info and image.getexif().get(_ORIENTATION, 1) >= _SIDEWAYS
        size = (height, width) if turned else (width, height)
        return Header(size, image.mode in _GREY_MODES, image.mode in _WIDE_MODES)


def wide_range(path: str) -> tuple[float, float]:
    """Return the lowest and highest value of a file with more than 8 bits per pixel.

    Raises
    ------
    Exception
        One of `UNREADABLE`, including a value that is not finite.
    """
    with opened(path) as image:
        values_HW = _wide_values(image)
        return float(values_HW.min()), float(values_HW.max())


def decode_file(
    path: str, image_shape: tuple[int, int, int], scale: ValueScale | None = None
) -> NDArray[np.uint8]:
    """Return a file as an image (C, H, W); raises one of `UNREADABLE`.

    A large JPEG is decoded at a fraction of its size, but at least at twice the requested size.

    Parameters
    ----------
    scale
        Scale of the data set for values of more than 8 bits; None to derive one from the file.
    """
    channels, rows, columns = image_shape
    with opened(path) as image:
        side = 2 * max(rows, columns)
        image.draft(None, (side, side))
        array = as_array(image, (columns, rows), scale)
    if array.ndim == 3:
        return array.transpose(2, 0, 1)
    return np.broadcast_to(array, (channels, rows, columns))


def decode_files(
    paths: Sequence[str], image_shape: tuple[int, int, int], scale: ValueScale | None = None
) -> NDArray[np.uint8]:
    """Return files as images (K, C, H, W).

    Raises
    ------
    ImagesLostError
        If a file can no longer be read; the error names it.
    """
    images_KCHW = np.empty((len(paths), *image_shape), np.uint8)
    for image_CHW, path in zip(images_KCHW, paths, strict=True):
        try:
            image_CHW[:] = decode_file(path, image_shape, scale)
        except UNREADABLE as error:
            raise ImagesLostError(
                f"“{shown(path)}” can no longer be read: {explain_unreadable(error)}.",
                "Put the file back, or choose the data set again.",
                field="data.name",
            ) from error
    return images_KCHW


def thumbnail(path: str, side: int, scale: ValueScale | None = None) -> NDArray[np.uint8]:
    """Return a file as a thumbnail (C, H, W) that fits a square; raises one of `UNREADABLE`."""
    with opened(path) as image:
        image.draft(None, (side, side))
        plain = as_plain(image, scale)
        plain.thumbnail((side, side), Image.Resampling.BILINEAR, reducing_gap=2.0)
        array = np.asarray(plain, np.uint8)
    return array[None] if array.ndim == 2 else array.transpose(2, 0, 1)


def as_array(
    image: Image.Image, size: tuple[int, int], scale: ValueScale | None = None
) -> NDArray[np.uint8]:
    """Return an image of any mode as uint8, greyscale (H, W) or RGB (H, W, 3).

    An image of another size is scaled and centre-cropped.

    Parameters
    ----------
    size
        Width and height.
    scale
        As in `as_plain`.
    """
    plain = as_plain(image, scale)
    if plain.size != size:
        plain = ImageOps.fit(plain, size, Image.Resampling.BILINEAR)
    return np.asarray(plain, np.uint8)


def as_plain(image: Image.Image, scale: ValueScale | None = None) -> Image.Image:
    """Convert an image of any mode to mode L or RGB.

    Palettes are resolved, transparent images are placed on white, and EXIF orientation is applied.

    Parameters
    ----------
    scale
        How values of more than 8 bits are mapped to 8 bits; None to derive it from this image.

    Raises
    ------
    ValueError
        If the image has too many pixels, or a value is not finite.
    """
    _refuse_larger(image, _MOST_DECODED)
    is_grey = image.mode in _GREY_MODES
    if image.mode in _WIDE_MODES:
        values_HW = _wide_values(image)
        if scale is None:
            scale = find_file_scale(float(values_HW.min()), float(values_HW.max()))
        image = Image.fromarray(scale.apply_by_rows(values_HW))
    upright = ImageOps.exif_transpose(image)
    if upright.mode == "P" or "A" in upright.mode:
        layered = upright.convert("RGBA")
        paper = Image.new("RGBA", layered.size, "white")
        upright = Image.alpha_composite(paper, layered)
    return upright.convert("L" if is_grey else "RGB")


def _refuse_larger(image: Image.Image, most: int) -> None:
    """Raise `ValueError` for an image with too many pixels, before memory is allocated."""
    width, height = image.size
    if width * height > most:
        raise ValueError(f"it is {width:,}x{height:,}, more than {most // 10**6} million pixels")


def _wide_values(image: Image.Image) -> NDArray[Any]:
    """Return greyscale values of more than 8 bits (H, W) as stored.

    Raises
    ------
    ValueError
        If the image has too many pixels, or a value is not finite.
    """
    _refuse_larger(image, _MOST_DECODED)
    tags = getattr(image, "tag_v2", {})
    values_HW = np.asarray(image)
    if tags.get(_TIFF_BITS) == (32,) and tags.get(_TIFF_SAMPLE_FORMAT, (1,)) == (_UNSIGNED,):
        values_HW = values_HW.view(np.uint32)  # Pillow treats them as signed
    if values_HW.dtype.kind == "f" and not np.isfinite(values_HW).all():
        row, column = np.argwhere(~np.isfinite(values_HW))[0]
        raise ValueError(f"it holds {values_HW[row, column]} in row {row}, column {column}")
    return values_HW


def explain_unreadable(error: Exception) -> str:
    """Return why a file cannot be read, without repeating its name."""
    match error:
        case FileNotFoundError():
            return "it no longer exists"
        case UnidentifiedImageError():
            return "it is not an image in a known format"
        case OSError(strerror=str(text)):
            return text
    text = str(error).rstrip(".") or type(error).__name__
    return "it is truncated" if "truncated" in text.lower() else text


def shown(path: str) -> str:
    """Return a path as text that can be displayed even if its bytes are not valid text."""
    return os.fsencode(path).decode(errors="replace")
