"""Reading the images of a recipe. No torch unless the data set itself needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snip_gui.core.cancel import CancelToken
from snip_gui.core.data.catalogue import DATASETS
from snip_gui.core.events import Event, ImagesLoaded, Note

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from snip_gui.core.data.image_set import ImageSet


def read_images(
    name: str, folder: Path | None, cancel: CancelToken
) -> Generator[Event, None, ImageSet]:
    """Read a data set by name, yielding progress and returning the set.

    Raises
    ------
    UserError
        If there is none of that name or it cannot be read.
    Cancelled
        If cancelled on the way.
    """
    cancel.raise_if_cancelled()
    return (yield from DATASETS[name].read(folder, cancel))


def load_images(name: str, folder: Path | None = None) -> ImageSet:
    """Read a data set by name, for a script or a notebook; raises as `read_images`."""
    steps = read_images(name, folder, CancelToken())
    while True:
        try:
            next(steps)
        except StopIteration as end:
            images: ImageSet = end.value
            return images


def load_job(name: str, folder: Path | None, cancel: CancelToken) -> Iterator[Event]:
    """Read a data set by name; ends in `ImagesLoaded`."""
    images = yield from read_images(name, folder, cancel)
    yield ImagesLoaded(images)
    channels, rows, columns = images.image_shape
    yield Note(
        f"{images.title}: {len(images.train_labels_N):,} training and "
        f"{len(images.test_labels_N):,} test images of {rows}x{columns}x{channels} in "
        f"{len(images.classes)} classes, mean {_numbers(images.mean_C)}, deviation "
        f"{_numbers(images.deviation_C)}."
    )


def _numbers(values: tuple[float, ...]) -> str:
    """Return numbers with four decimals."""
    return ", ".join(f"{value:.4f}" for value in values)
