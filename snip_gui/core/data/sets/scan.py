"""Turns a listing of files into a data set: reads every header, then decodes every file.

Images stay in memory if they fit; otherwise a single pass computes statistics and digest only.
Shapes: N images, K selected images, C channels, H rows, W columns.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from snip_gui.core.base.environment import available_image_memory, available_memory
from snip_gui.core.base.errors import UserError
from snip_gui.core.base.events import Event, Note, Progress
from snip_gui.core.base.text import size_text
from snip_gui.core.data.images.decoding import (
    UNREADABLE,
    decode_file,
    explain_unreadable,
    read_header,
    shown,
    wide_range,
)
from snip_gui.core.data.images.image_set import Census, ImageSet, assemble
from snip_gui.core.data.images.store import ArrayStore, FileStore
from snip_gui.core.data.images.values import ValueScale, find_file_scale
from snip_gui.core.data.sets.events import BadFile, FilesUnreadable
from snip_gui.core.data.sets.read_options import ReadOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from numpy.typing import NDArray

    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.data.sets.listing import Listing

    Shape = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class _Form:
    """Common properties of all images of a data set; see `FileStore`."""

    shape: Shape
    scale: ValueScale | None


_LONGEST_SIDE = 64  # unless another one is requested
_STEP_SECONDS = 0.02  # then thumbnails get a turn
_DECODED_AT_ONCE = 64


def scan(
    listing: Listing, options: ReadOptions, cancel: CancelToken
) -> Generator[Event, None, ImageSet]:
    """Read every file of a listing; yields progress often, and returns the data set.

    All images get one size, for which they are resized and centre-cropped. They are greyscale only
    if all files are. Values of more than 8 bits use one scale, that of the training images.

    Raises
    ------
    UserError
        If files are unreadable and not to be skipped (after yielding `FilesUnreadable`), or no
        readable file of a class remains.
    Cancelled
        If cancelled meanwhile.
    """
    files = _Files(listing)
    image_shape, wide = yield from _look(files, options.image_size, cancel)
    form = _Form(image_shape, (yield from _find_scale(files, wide, cancel)))
    memory_bytes = available_image_memory()
    if options.memory_bytes is not None:
        memory_bytes = min(options.memory_bytes, available_memory())
    needed_bytes = len(files.good()) * math.prod(image_shape)
    if needed_bytes <= memory_bytes:
        return (yield from _into_memory(files, form, options, cancel))
    kept = (
        f"streamed from disk: they need {size_text(needed_bytes)}, more than the limit of "
        f"{size_text(memory_bytes)}"
    )
    return (yield from _streamed(files, form, kept, options, cancel))


class _Files:
    """All files of a listing, training files first, and the problems of unreadable ones."""

    def __init__(self, listing: Listing) -> None:
        self.listing = listing
        self.paths = (*listing.train_paths, *listing.test_paths)
        self.labels_N = np.concatenate([listing.train_labels_N, listing.test_labels_N])
        self.bad: dict[int, str] = {}

    def good(self) -> NDArray[np.int64]:
        """Return the indices of the files not known to be unreadable."""
        is_good = np.ones(len(self.paths), bool)
        is_good[list(self.bad)] = False
        return np.flatnonzero(is_good)

    def good_parts(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the indices of the good training files and of the good test files."""
        good, num_train = self.good(), len(self.listing.train_paths)
        return good[good < num_train], good[good >= num_train]

    def try_each(
        self,
        text: str,
        indices: Sequence[int],
        work: Callable[[int, str], None],
        cancel: CancelToken,
    ) -> Generator[Event, None, None]:
        """Apply a function to files; record those for which it fails."""
        started = yielded = time.monotonic()
        for done, index in enumerate(indices):
            now = time.monotonic()
            if now - yielded > _STEP_SECONDS or done == 0:
                cancel.raise_if_cancelled()
                left = (now - started) / done * (len(indices) - done) if done else None
                yield Progress(text, done, len(indices), left)
                yielded = time.monotonic()
            try:
                work(index, self.paths[index])
            except UNREADABLE as error:
                self.bad[index] = explain_unreadable(error)

    def refuse_bad(self, options: ReadOptions) -> Generator[Event, None, None]:
        """Report unreadable files; raise `UserError` unless they are to be skipped."""
        if not self.bad:
            return
        by_path = sorted((self.paths[index], reason) for index, reason in self.bad.items())
        bad = tuple(BadFile(shown(path), reason) for path, reason in by_path)
        yield FilesUnreadable(bad, options.skip_unreadable)
        if not options.skip_unreadable:
            count = "One file" if len(bad) == 1 else f"{len(bad):,} files"
            which = f" (“{bad[0].path}”: {bad[0].reason})" if len(bad) == 1 else ""
            raise UserError(
                f"{count} of {len(self.paths):,} cannot be read{which}.",
                "Replace them, or set “Skip bad files” (--skip-unreadable).",
                field="data.skip_unreadable",
            )
        left = np.bincount(self.labels_N[self.good_parts()[0]], minlength=1)
        for label, name in enumerate(self.listing.classes):
            if label >= len(left) or left[label] == 0:
                raise UserError(
                    f"No training image of the class “{name}” can be read.",
                    "Replace the files, or remove the class.",
                    field="data.name",
                )


def _look(
    files: _Files, image_size: int, cancel: CancelToken
) -> Generator[Event, None, tuple[Shape, list[int]]]:
    """Return the shape for all images, and which have more than 8 bits; reads headers only."""
    sizes: Counter[tuple[int, int]] = Counter()
    num_colour = 0
    wide: list[int] = []

    def look(index: int, path: str) -> None:
        nonlocal num_colour
        header = read_header(path)
        sizes[header.size] += 1
        num_colour += not header.is_grey
        if header.is_wide:
            wide.append(index)

    yield from files.try_each("Checking the images", range(len(files.paths)), look, cancel)
    if not sizes:
        yield from files.refuse_bad(ReadOptions())
    width, height = sizes.most_common(1)[0][0]
    scale = (image_size or min(_LONGEST_SIDE, max(width, height))) / max(width, height)
    width, height = max(1, round(width * scale)), max(1, round(height * scale))
    others = sizes.total() - sizes[width, height]
    if others:
        yield Note(f"{others:,} of {sizes.total():,} images are resized to {width}x{height}.")
    return ((3 if num_colour else 1), height, width), wide


def _find_scale(
    files: _Files, wide: Sequence[int], cancel: CancelToken
) -> Generator[Event, None, ValueScale | None]:
    """Return, and report, the scale of files with more than 8 bits; None if there are none.

    Only training files count, unless none of them has more than 8 bits.
    """
    num_train = len(files.listing.train_paths)
    deciding = [index for index in wide if index < num_train] or wide
    ranges: list[tuple[float, float]] = []

    def measure(_index: int, path: str) -> None:
        ranges.append(wide_range(path))

    yield from files.try_each("Looking at the values", deciding, measure, cancel)
    if not ranges:
        return None
    scale = find_file_scale(min(low for low, _ in ranges), max(high for _, high in ranges))
    yield Note(f"{files.listing.title}: {scale.text}")
    return scale


def _into_memory(
    files: _Files, form: _Form, options: ReadOptions, cancel: CancelToken
) -> Generator[Event, None, ImageSet]:
    """Decode all files into one array."""
    indices = files.good()
    images_NCHW = np.empty((len(indices), *form.shape), np.uint8)
    rows = {index: row for row, index in enumerate(indices.tolist())}

    def decode(index: int, path: str) -> None:
        images_NCHW[rows[index]] = decode_file(path, form.shape, form.scale)

    yield from files.try_each("Reading the images", indices.tolist(), decode, cancel)
    yield from files.refuse_bad(options)
    if len(files.good()) < len(indices):
        images_NCHW = images_NCHW[np.isin(indices, files.good())]
    train, test = files.good_parts()
    census = Census(len(train), form.shape)
    for start in range(0, len(train), _DECODED_AT_ONCE):
        cancel.raise_if_cancelled()
        yield Progress("Computing the image statistics", start, len(train))
        census.add(images_NCHW[start : min(start + _DECODED_AT_ONCE, len(train))])
    return assemble(
        name=files.listing.name,
        title=files.listing.title,
        classes=files.listing.classes,
        train=(ArrayStore(images_NCHW[: len(train)], form.scale), files.labels_N[train]),
        test=(ArrayStore(images_NCHW[len(train) :], form.scale), files.labels_N[test]),
        census=census,
    )


def _streamed(
    files: _Files, form: _Form, kept: str, options: ReadOptions, cancel: CancelToken
) -> Generator[Event, None, ImageSet]:
    """Decode all files once without keeping them in memory."""
    while True:
        train, test = files.good_parts()
        num_bad = len(files.bad)
        census = Census(len(train), form.shape)
        gathered: list[NDArray[np.uint8]] = []

        def count(
            _index: int,
            path: str,
            census: Census = census,
            gathered: list[NDArray[np.uint8]] = gathered,
        ) -> None:
            gathered.append(decode_file(path, form.shape, form.scale))
            if len(gathered) == _DECODED_AT_ONCE:
                census.add(np.stack(gathered))
                gathered.clear()

        yield from files.try_each("Reading the training images", train.tolist(), count, cancel)
        if gathered:
            census.add(np.stack(gathered))
        yield from files.try_each(
            "Reading the test images",
            test.tolist(),
            lambda _index, path: _discard(decode_file(path, form.shape, form.scale)),
            cancel,
        )
        if len(files.bad) == num_bad or not options.skip_unreadable:
            break
        # A second pass: the digest begins with the number of images, which is known only now.
    yield from files.refuse_bad(options)
    stores = [
        FileStore(tuple(files.paths[index] for index in part), form.shape, form.scale)
        for part in (train, test)
    ]
    return assemble(
        name=files.listing.name,
        title=files.listing.title,
        classes=files.listing.classes,
        train=(stores[0], files.labels_N[train]),
        test=(stores[1], files.labels_N[test]),
        census=census,
        kept=kept,
    )


def _discard(_image_CHW: NDArray[np.uint8]) -> None:
    """Ignore an image that was decoded only as a check."""
