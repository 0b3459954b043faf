"""Events of jobs on images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from snip_gui.core.base.events import Event

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class ThumbnailsDecoded(Event):
    """Thumbnails (C, H, W) of files, by path."""

    pictures: dict[str, NDArray[np.uint8]]


@dataclass(frozen=True, slots=True, eq=False)
class MeanImageMade(Event):
    """The mean (C, H, W) of the requested images."""

    image_CHW: NDArray[np.uint8]
