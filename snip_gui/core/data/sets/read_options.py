"""How image files are read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """Options for reading image files into a data set.

    Attributes
    ----------
    image_size
        Longer side in pixels; 0 for the most common size, up to 64.
    skip_unreadable
        Whether to skip unreadable files instead of refusing the data set.
    memory_bytes
        Memory limit of a data set; None for half of the free memory.
    """

    image_size: int = 0
    skip_unreadable: bool = False
    memory_bytes: int | None = None
