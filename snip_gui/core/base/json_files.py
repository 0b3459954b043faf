"""Reads untrusted JSON files into typed values."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.files import read_bytes

if TYPE_CHECKING:
    from pathlib import Path

T = TypeVar("T")

# The exceptions of msgspec; deeply nested lists raise RecursionError.
JSON_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def read_json(path: Path, kind: type[T], *, max_bytes: int) -> T:
    """Return the contents of a JSON file, validated against a type.

    Raises
    ------
    UserError
        If it cannot be read, is not a regular file, is larger than ``max_bytes``, is not JSON, or
        is not of this type.
    """
    data = read_bytes(path, max_bytes=max_bytes)
    try:
        return msgspec.json.decode(data, type=kind)
    except JSON_ERRORS as error:
        raise UserError(
            f"“{path}” cannot be read: {error}.", "The file is damaged, or of another program."
        ) from error
