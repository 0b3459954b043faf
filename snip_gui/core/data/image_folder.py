"""A folder of images: ``train/`` and ``test/``, or one folder, with a folder for each class inside.

Shapes: N images, C channels, H rows, W columns.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

from snip_gui.core.data.curation import fixed_test_part
from snip_gui.core.data.image_set import ImageSet, make_image_set
from snip_gui.core.errors import UserError
from snip_gui.core.events import Event, Note, Progress

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from snip_gui.core.cancel import CancelToken

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm",
                      ".pgm"})  # fmt: skip
_LONGEST_SIDE = 64
_MOST_BYTES = 4 * 1024**3
_NAMED_BAD_FILES = 5
_GREY_MODES = frozenset({"1", "L", "LA", "I", "I;16", "I;16B", "F"})


@dataclass(frozen=True, slots=True)
class _Listing:
    """Files with the index of their class."""

    classes: tuple[str, ...]
    train: list[tuple[Path, int]]
    test: list[tuple[Path, int]]


def load_image_folder(folder: Path | None, cancel: CancelToken) -> Generator[Event, None, ImageSet]:
    """Read a folder of images; yields progress, returns the set.

    All images take the most common size, at most 64 pixels a side; others are scaled and cropped at
    their centre. Images are grey only if all of them are. Palettes are resolved, transparency lies
    on white, 16-bit values are cut to 8, and EXIF orientation is followed. Without a ``test``
    folder a fixed fifth of each class is for testing.

    Raises
    ------
    UserError
        If the folder is missing, holds fewer than two classes or no images, a file cannot be read
        (the error names it), or all of it does not fit the memory.
    Cancelled
        If cancelled on the way.
    """
    if folder is None or not folder.is_dir():
        raise UserError(
            f"There is no folder “{folder}”." if folder else "No folder of images is named.",
            "Choose the folder that contains “train” and “test”, or the folders of the classes.",
            field="data.name",
        )
    listing = _list(folder)
    paths = [path for path, _ in (*listing.train, *listing.test)]
    size = yield from _common_size(paths, cancel)
    arrays = yield from _decode(paths, size, cancel)
    labels_N = np.array([label for _, label in (*listing.train, *listing.test)], np.int64)
    images_NCHW = _stack(arrays)
    del arrays
    num_train = len(listing.train)
    return make_image_set(
        name="folder",
        title=f"Folder “{folder.name}”",
        classes=listing.classes,
        train=(images_NCHW[:num_train], labels_N[:num_train]),
        test=(images_NCHW[num_train:], labels_N[num_train:]),
    )


def _list(folder: Path) -> _Listing:
    """List the files of each class."""
    has_both = (folder / "train").is_dir() and (folder / "test").is_dir()
    root = folder / "train" if has_both else folder
    try:
        classes = tuple(sorted(p.name for p in root.iterdir() if p.is_dir()))
        train = _files(root, classes)
        test = _files(folder / "test", classes) if has_both else []
    except OSError as error:
        raise UserError(
            f"“{error.filename}” cannot be read: {error.strerror}.", "Choose another folder."
        ) from error
    if len(classes) < 2:
        raise UserError(
            f"“{root}” holds {len(classes)} folders of classes, but at least 2 are needed.",
            "Put the images of each class into a folder of their own.",
            field="data.name",
        )
    empty = [name for number, name in enumerate(classes) if number not in {c for _, c in train}]
    if empty:
        raise UserError(
            f"The class “{empty[0]}” in “{root}” has no images.",
            f"Remove the folder, or put images into it ({', '.join(sorted(SUFFIXES))}).",
            field="data.name",
        )
    if not has_both:
        train, test = _split(train)
    return _Listing(classes, train, test)


def _files(root: Path, classes: Sequence[str]) -> list[tuple[Path, int]]:
    """Return the image files below each class's folder, sorted."""
    found: list[tuple[Path, int]] = []
    for number, name in enumerate(classes):
        if (root / name).is_dir():
            inside = (p for p in (root / name).rglob("*") if p.suffix.lower() in SUFFIXES)
            found += [(path, number) for path in sorted(inside)]
    return found


def _split(files: list[tuple[Path, int]]) -> tuple[list[tuple[Path, int]], list[tuple[Path, int]]]:
    """Take a fixed fifth of each class for testing."""
    is_test = fixed_test_part(np.array([label for _, label in files]))
    train = [file for file, tested in zip(files, is_test, strict=True) if not tested]
    test = [file for file, tested in zip(files, is_test, strict=True) if tested]
    return train, test


def _common_size(
    paths: Sequence[Path], cancel: CancelToken
) -> Generator[Event, None, tuple[int, int]]:
    """Return the most common width and height, bounded; reads headers only."""
    sizes: Counter[tuple[int, int]] = Counter()
    bad: list[tuple[Path, str]] = []
    for number, path in enumerate(paths):
        if number % 200 == 0:
            cancel.raise_if_cancelled()
            yield Progress("Looking at the images", number, len(paths))
        try:
            with Image.open(path) as image:
                sizes[image.size] += 1
        except (OSError, ValueError, Image.DecompressionBombError) as error:
            bad.append((path, str(error)))
    _refuse_bad(bad)
    (width, height), number = sizes.most_common(1)[0]
    shrink = min(1.0, _LONGEST_SIDE / max(width, height))
    size = max(1, round(width * shrink)), max(1, round(height * shrink))
    if len(sizes) > 1 or shrink < 1:
        others = len(paths) - (number if shrink == 1 else 0)
        yield Note(f"{others:,} of {len(paths):,} images are resized to {size[0]}x{size[1]}.")
    if len(paths) * size[0] * size[1] * 3 > _MOST_BYTES:
        raise UserError(
            f"{len(paths):,} images of {size[0]}x{size[1]} do not fit the memory.",
            "Choose a folder with fewer images.",
            field="data.name",
        )
    return size


def _decode(
    paths: Sequence[Path], size: tuple[int, int], cancel: CancelToken
) -> Generator[Event, None, list[NDArray[np.uint8]]]:
    """Return every image as (H, W) if it is grey, else as (H, W, 3)."""
    arrays: list[NDArray[np.uint8]] = []
    bad: list[tuple[Path, str]] = []
    for number, path in enumerate(paths):
        if number % 100 == 0:
            cancel.raise_if_cancelled()
            yield Progress("Reading the images", number, len(paths))
        try:
            with Image.open(path) as image:
                arrays.append(as_array(image, size))
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            bad.append((path, str(error)))
    _refuse_bad(bad)
    return arrays


def as_array(image: Image.Image, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return an image of any mode as uint8, grey (H, W) or colour (H, W, 3), at a size."""
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
    plain = upright.convert("L" if is_grey else "RGB")
    if plain.size != size:
        plain = ImageOps.fit(plain, size, Image.Resampling.BILINEAR)
    return np.asarray(plain, np.uint8)


def _stack(arrays: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Return images (N, C, H, W); one channel only if all are grey."""
    if all(array.ndim == 2 for array in arrays):
        return np.stack(arrays)[:, None]
    height, width = arrays[0].shape[:2]
    images_NCHW = np.empty((len(arrays), 3, height, width), np.uint8)
    for image_CHW, array in zip(images_NCHW, arrays, strict=True):
        image_CHW[:] = array.transpose(2, 0, 1) if array.ndim == 3 else array
    return images_NCHW


def _refuse_bad(bad: Sequence[tuple[Path, str]]) -> None:
    """Raise a `UserError` that names files that cannot be read."""
    if bad:
        named = "; ".join(f"“{path}”: {reason}" for path, reason in bad[:_NAMED_BAD_FILES])
        more = f"; and {len(bad) - _NAMED_BAD_FILES:,} more" if len(bad) > _NAMED_BAD_FILES else ""
        count = "One image" if len(bad) == 1 else f"{len(bad):,} images"
        raise UserError(
            f"{count} cannot be read: {named}{more}.",
            "Replace the files or move them away, then choose the folder again.",
            field="data.name",
        )
