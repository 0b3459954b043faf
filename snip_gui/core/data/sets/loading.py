"""Reads the images of a recipe. No torch unless the data set needs it."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.events import Event, Note, Progress, run_to_end
from snip_gui.core.data.sets.catalogue import DATASETS
from snip_gui.core.data.sets.events import ImagesListed, ImagesLoaded
from snip_gui.core.data.sets.read_options import ReadOptions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from snip_gui.core.base.environment import Environment
    from snip_gui.core.data.images.image_set import ImageSet
    from snip_gui.core.data.sets.catalogue import Reader
    from snip_gui.core.recipe.recipe import DataChoice


def read_options_for(choice: DataChoice, environment: Environment) -> ReadOptions:
    """Return the options for reading a recipe's image files on this machine."""
    return ReadOptions(
        image_size=choice.image_size,
        skip_unreadable=choice.skip_unreadable,
        memory_bytes=environment.image_memory_bytes,
    )


def read_images(
    name: str,
    folder: Path | None,
    cancel: CancelToken,
    options: ReadOptions = ReadOptions(),  # noqa: B008 - frozen
) -> Generator[Event, None, ImageSet]:
    """Read a data set by name, yielding progress and returning the set.

    Image files are listed first (`ImagesListed`), so they can be viewed while they are read.

    Raises
    ------
    UserError
        If there is no data set of that name or it cannot be read.
    Cancelled
        If cancelled meanwhile.
    """
    cancel.raise_if_cancelled()
    info = DATASETS[name]
    if info.read is not None:
        with DATASETS.blaming(name):
            images = yield from _read(info.read, name, folder, cancel)
        if DATASETS.get_plugin(name) is not None and images.name != name:
            raise DATASETS.fault(name, f"made an ImageSet called “{images.name}”")
        return images
    assert info.list_files is not None
    from snip_gui.core.data.sets.scan import scan  # imports Pillow, hence late

    yield Progress("Listing the images")
    with DATASETS.blaming(name):
        listing = info.list_files(folder, cancel)
    yield ImagesListed(listing)
    for note in listing.notes:
        yield Note(note)
    return (yield from scan(listing, options, cancel))


def _kind(value: object) -> str:
    """Return what a reader returned instead, for a message."""
    return f" (it returned an object of type {type(value).__name__})"


def _read(
    reader: Reader, name: str, folder: Path | None, cancel: CancelToken
) -> Generator[Event, None, ImageSet]:
    """Read a data set; raises `UserError` if the reader is not a generator of an `ImageSet`."""
    from snip_gui.core.data.images.image_set import ImageSet

    steps = reader(folder, cancel)
    if not isinstance(steps, Generator):
        raise DATASETS.fault(name, f"has a reader that is not a generator function{_kind(steps)}")
    images = yield from steps
    if not isinstance(images, ImageSet):
        raise DATASETS.fault(name, f"has a reader that does not return an ImageSet{_kind(images)}")
    return images


def load_images(
    name: str,
    folder: Path | None = None,
    options: ReadOptions = ReadOptions(),  # noqa: B008 - frozen
) -> ImageSet:
    """Read a data set by name, for scripts and notebooks; raises as `read_images` does."""
    return run_to_end(read_images(name, folder, CancelToken(), options))


def load_job(
    name: str,
    folder: Path | None,
    cancel: CancelToken,
    options: ReadOptions = ReadOptions(),  # noqa: B008 - frozen
) -> Iterator[Event]:
    """Read a data set by name; ends with `ImagesLoaded`."""
    images = yield from read_images(name, folder, cancel, options)
    yield ImagesLoaded(images)
    channels, rows, columns = images.image_shape
    yield Note(
        f"{images.title}: {len(images.train_labels_N):,} training and "
        f"{len(images.test_labels_N):,} test images of {rows}x{columns}x{channels} in "
        f"{len(images.classes)} classes, mean {_numbers(images.mean_C)}, standard deviation "
        f"{_numbers(images.deviation_C)}; {images.kept}."
    )


def _numbers(values: tuple[float, ...]) -> str:
    """Format numbers with four decimals."""
    return ", ".join(f"{value:.4f}" for value in values)
