"""Large arrays that are rarely read, kept on disk instead of in memory."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import platformdirs

if TYPE_CHECKING:
    from numpy.typing import NDArray

Scalar = TypeVar("Scalar", bound=np.generic)

_LOG = logging.getLogger(__name__)
MOST_BYTES = 2**28
"""Largest array that stays in memory: 67 million values in single precision."""


def spilled(array: NDArray[Scalar]) -> NDArray[Scalar]:
    """Return a large array as a read-only view of a file without a name; others unchanged.

    The system reads the parts that are used and drops them when memory is short. The file goes with
    the array. It is in the user's cache folder, because temporary folders are often in memory. If
    it cannot be written, the array stays in memory, which is logged.
    """
    if array.nbytes <= MOST_BYTES:
        return array
    folder = Path(platformdirs.user_cache_dir("snip-gui", False))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            array.tofile(file)
            file.flush()
            return np.asarray(np.memmap(file, array.dtype, "r", shape=array.shape))
    except OSError as error:
        _LOG.warning("An array of %d bytes stays in memory: %s", array.nbytes, error)
        return array
