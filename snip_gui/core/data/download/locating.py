"""Finds the folder of a data set near the one that the user named."""

from __future__ import annotations

import contextlib
import itertools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# A folder of images may hold a million entries, on a slow disk.
_MOST_ENTRIES = 1000
# ``data/MNIST/raw`` lies two folders below the one that is needed.
_MOST_ABOVE = 3


def locate(folder: Path, inside: str) -> Path:
    """Return the folder that contains ``inside``: the given one, or else one near it.

    The folders above it are tried first, which finds what lies beside it too, then those in it.

    Parameters
    ----------
    inside
        Relative path of a file or folder of the data set, such as ``MNIST/raw``.

    Returns
    -------
    folder
        The given folder if ``inside`` is not found anywhere, so that errors name it.
    """
    for candidate in _candidates(folder.absolute()):
        with contextlib.suppress(OSError):  # not readable, so not the one
            if (candidate / inside).exists():
                return folder if candidate == folder.absolute() else candidate
    return folder


def _candidates(folder: Path) -> Iterator[Path]:
    yield folder
    yield from itertools.islice(folder.parents, _MOST_ABOVE)
    yield from _folders_in(folder)


def _folders_in(folder: Path) -> list[Path]:
    """Return the folders among the first entries of a folder, by name."""
    try:
        with contextlib.closing(folder.iterdir()) as entries:
            found = [one for one in itertools.islice(entries, _MOST_ENTRIES) if one.is_dir()]
    except OSError:
        return []
    return sorted(found)
