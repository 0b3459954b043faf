"""How image files are read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """How files of images become a data set.

    Attributes
    ----------
    image_size
        Pixels of the longer side; 0 for the most common size, at most 64.
    skip_unreadable
        Whether files that cannot be read are left out instead of refused.
    memory_bytes
        What a set may take in memory; None for half of what is free now.
    """

    image_size: int = 0
    skip_unreadable: bool = False
    memory_bytes: int | None = None
