"""Verification of downloaded files."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from snip_gui.core.base.files import check_regular, open_regular

if TYPE_CHECKING:
    from pathlib import Path

    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.data.download.sources import Part


def find_wrong(
    parts: tuple[Part, ...], folder: Path, cancel: CancelToken
) -> tuple[Path, str] | None:
    """Return the first file that is missing or not the published one, with a sentence on it.

    Raises
    ------
    Cancelled
        If cancelled meanwhile.
    """
    for part in parts:
        cancel.raise_if_cancelled()
        path = folder / part.path
        try:
            wrong = _wrong(path, part)
        except OSError as error:
            wrong = f"cannot be read: {error.strerror}"
        if wrong:
            return path, f"“{path}” {wrong}."
    return None


def _wrong(path: Path, part: Part) -> str:
    """Return what is wrong with a file; empty if nothing is."""
    if not path.exists():
        return "is missing"
    if path.is_dir() and part.size_bytes is None and not part.md5:
        return ""
    size_bytes, expected_bytes = check_regular(path), part.size_bytes
    if expected_bytes is not None and size_bytes != expected_bytes:
        state = "truncated" if size_bytes < expected_bytes else "too long"
        return f"is {state}: {size_bytes:,} bytes instead of {expected_bytes:,}"
    if part.md5 and _md5(path) != part.md5:
        return "is damaged or a different file: its hash is not the published one"
    return ""


def _md5(path: Path) -> str:
    with open_regular(path) as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
