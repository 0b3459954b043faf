"""The data set of a worker, read once for all items that use it."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from snip_gui.core.data.sets.catalogue import DATASETS
from snip_gui.core.data.sets.loading import load_images

if TYPE_CHECKING:
    from pathlib import Path

    from snip_gui.core.base.environment import Environment
    from snip_gui.core.data.images.image_set import ImageSet
    from snip_gui.core.recipe.recipe import DataChoice


def keep_images(choice: DataChoice, environment: Environment) -> ImageSet | None:
    """Return a data set, which this process keeps until it needs another one.

    None for folders of image files, which may not fit in memory and may change.

    Raises
    ------
    UserError
        If it cannot be read.
    """
    if DATASETS[choice.name].has_files:
        return None
    return _read(choice.name, environment.data_folder)


@functools.lru_cache(1)
def _read(name: str, folder: Path | None) -> ImageSet:
    return load_images(name, folder)
