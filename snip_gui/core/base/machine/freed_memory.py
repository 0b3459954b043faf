"""Gives memory that was freed back to the system."""

from __future__ import annotations

import ctypes
import functools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def return_freed_memory() -> None:
    """Return freed memory to the system where the C library keeps it; does nothing elsewhere.

    glibc has a heap for each thread and keeps what was freed below the last block in use. Scores
    and images come and go in threads of their own, so that a window in which much was scored held
    hundreds of MiB that it no longer used; with this, its size stays within about 30 MiB. A call
    takes about 10 ms for a heap of 1 GiB, without the GIL.
    """
    trim = _find_malloc_trim()
    if trim is not None:
        trim(0)


@functools.cache
def _find_malloc_trim() -> Callable[[int], int] | None:
    """Return glibc's ``malloc_trim(3)``, or None if the C library has no such function."""
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):  # another C library; Windows
        return None
    trim.argtypes, trim.restype = (ctypes.c_size_t,), ctypes.c_int
    return trim
