"""Reading the images of a recipe. No torch unless the data set itself needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snip_gui.core.data.catalogue import DATASETS
from snip_gui.core.events import Event, ImagesLoaded, Note, Progress

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from snip_gui.core.data.image_set import ImageSet


def load_images(name: str, folder: Path | None) -> ImageSet:
    """Read a data set by name; raises `UserError` if there is none or it cannot be read."""
    return DATASETS[name].load(folder)


def load_job(name: str, folder: Path | None) -> Iterator[Event]:
    """Read a data set by name; ends in `ImagesLoaded`."""
    yield Progress(f"Reading {DATASETS[name].title}")
    images = load_images(name, folder)
    yield ImagesLoaded(images)
    yield Note(
        f"{images.title}: {len(images.train_labels_N):,} training and "
        f"{len(images.test_labels_N):,} test images, "
        f"mean {_numbers(images.mean_C)}, deviation {_numbers(images.deviation_C)}."
    )


def _numbers(values: tuple[float, ...]) -> str:
    """Return numbers with four decimals."""
    return ", ".join(f"{value:.4f}" for value in values)
