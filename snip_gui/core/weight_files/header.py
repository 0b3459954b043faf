"""Reads the header of a safetensors file, and writes the file without some tensors. No torch.

The file starts with the length of its header (eight bytes, little-endian), followed by the header
as JSON, which names the place of each tensor, and by the tensors in the order of their places.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.files import open_regular, read_error, replacing

if TYPE_CHECKING:
    from pathlib import Path
    from typing import IO

_METADATA, _OURS = "__metadata__", "snip_gui"
_MOST_BYTES = 100_000_000  # as the safetensors library allows
_ALIGNMENT = 8
_BLOCK_BYTES = 2**20


@dataclass(frozen=True)
class Header:
    """The header of a file.

    Attributes
    ----------
    entries
        What the header says of each tensor, by name, in the order of their places.
    strings
        The metadata as the format has it.
    metadata
        This program's part of it.
    start
        Where the tensors start in the file.
    """

    entries: dict[str, dict[str, Any]]
    strings: dict[str, str]
    metadata: dict[str, Any]
    start: int

    def num_bytes(self, name: str) -> int:
        """Return the size of a tensor."""
        begin, end = self.entries[name]["data_offsets"]
        return int(end - begin)


def read_header(path: Path) -> Header:
    """Read the header of a file.

    Raises
    ------
    UserError
        If the file cannot be read or is damaged.
    """
    with _open(path) as file:
        return _read(file, path)


def write_without(path: Path, prefix: str, **metadata: Any) -> None:  # noqa: ANN401 - any JSON
    """Remove the tensors whose names have a prefix from a file, and add to its metadata.

    Raises
    ------
    UserError
        If the file is damaged or cannot be written; it is unchanged then.
    """
    with _open(path) as old, replacing(path) as part, part.open("wb") as new:
        header = _read(old, path)
        kept = [name for name in header.entries if not name.startswith(prefix)]
        ours = json.dumps(header.metadata | metadata, sort_keys=True)
        fresh: dict[str, Any] = {_METADATA: header.strings | {_OURS: ours}}
        end = 0
        for name in kept:
            begin, end = end, end + header.num_bytes(name)
            fresh[name] = header.entries[name] | {"data_offsets": [begin, end]}
        text = json.dumps(fresh).encode()
        text += b" " * (-len(text) % _ALIGNMENT)
        new.write(len(text).to_bytes(8, "little") + text)
        for name in kept:
            old.seek(header.start + header.entries[name]["data_offsets"][0])
            left = header.num_bytes(name)
            while left:
                block = old.read(min(left, _BLOCK_BYTES))
                if not block:
                    raise _damaged(path)
                new.write(block)
                left -= len(block)


def _open(path: Path) -> IO[bytes]:
    try:
        return open_regular(path, follow_links=False)
    except OSError as error:
        raise read_error(path, error) from error


def _read(file: IO[bytes], path: Path) -> Header:
    length = int.from_bytes(file.read(8), "little")
    if not 2 <= length <= _MOST_BYTES:
        raise _damaged(path)
    try:
        entries = json.loads(file.read(length))
        strings = entries.pop(_METADATA, {})
        metadata = json.loads(strings.get(_OURS, "{}"))
        if not isinstance(metadata, dict):
            raise ValueError("its metadata is not an object")
        for entry in entries.values():
            begin, end = entry["data_offsets"]
            if not 0 <= begin <= end:
                raise ValueError("a tensor has no place")
        entries = dict(sorted(entries.items(), key=lambda item: item[1]["data_offsets"]))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise _damaged(path) from error
    return Header(entries, strings, metadata, 8 + length)


def _damaged(path: Path) -> UserError:
    return UserError(f"“{path}” cannot be read: it is damaged.", "It was left unchanged.")
