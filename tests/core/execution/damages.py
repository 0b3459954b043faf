"""Run folders damaged in all manner of ways, from a seed."""

from __future__ import annotations

import json
import os
import random
import shutil
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# Values that a field of a file may be given in place of its own.
_ODD: tuple[Any, ...] = (
    None, -1, 0, 1, 2**31, 2**63, 2**64, 10**40, 1e300, 0.5, "", "x", "\x1b[2J", "/dev/zero", "..",
    [], [[]], {}, {"a": {}}, True, False, "9999-12-31T23:59:59", ["x"] * 50, [2**70],
)  # fmt: skip
_BYTES = (b"", b"\xff", b"\0" * 8, b"9" * 30, b"{", b'"', b",", b"\n", b"[" * 3000)


def damage(folder: Path, seed: int) -> str:
    """Damage a run folder and return what was done."""
    chance = random.Random(seed)
    files = sorted(path for path in folder.iterdir() if path.is_file())
    path = chance.choice(files)
    kinds: list[Callable[[Path, random.Random], str]] = [_bytes, _bytes, _cut, _other_kind, _swap]
    if path.suffix == ".json":
        kinds += [_field] * 8
    if path.suffix == ".safetensors":
        kinds += [_header] * 5
    if path.suffix == ".csv":
        kinds += [_cell] * 4
    return f"{seed}: {path.name}: {chance.choice(kinds)(path, chance)}"


def _bytes(path: Path, chance: random.Random) -> str:
    """Change some bytes, mostly near the beginning, where the structure is."""
    data = bytearray(path.read_bytes())
    for _ in range(chance.choice((1, 1, 3, 20))):
        at = chance.randrange(min(len(data), chance.choice((200, 2000, 10**9))) or 1)
        match chance.randrange(3):
            case 0:
                data[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                del data[at : at + chance.randrange(1, 50)]
            case 2:
                data[at:at] = chance.choice(_BYTES)
    path.write_bytes(data)
    return "bytes"


def _cut(path: Path, chance: random.Random) -> str:
    data = path.read_bytes()
    path.write_bytes(data[: chance.choice((0, 1, len(data) // 2, len(data) - 1))])
    return "cut"


def _other_kind(path: Path, chance: random.Random) -> str:
    """Put something in its place that is no file, or nothing."""
    path.unlink()
    kind = chance.choice(("missing", "pipe", "folder", "device", "dangling", "loop", "huge"))
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "device":
            path.symlink_to("/dev/zero")
        case "dangling":
            path.symlink_to("nowhere")
        case "loop":
            path.symlink_to(path)
        case "huge":
            with path.open("wb") as file:
                file.truncate(2**40)  # a hole
    return kind


def _swap(path: Path, chance: random.Random) -> str:
    """Put another file of the run in its place."""
    other = chance.choice([one for one in path.parent.iterdir() if one.is_file()])
    if other != path:
        shutil.copyfile(other, path)
    return f"{other.name} instead"


def _field(path: Path, chance: random.Random) -> str:
    """Change, remove or add a field somewhere in JSON."""
    whole = json.loads(path.read_text())
    place = whole
    name: Any = None
    for _ in range(chance.choice((1, 1, 2, 3))):
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            break
        name = chance.choice(keys)
        if not isinstance(place[name], (dict, list)) or not place[name] or chance.random() < 0.3:
            break
        if chance.random() < 0.8:
            place = place[name]
    keys = list(place) if isinstance(place, dict) else list(range(len(place)))
    name = chance.choice(keys)
    value = chance.choice(_ODD)
    if chance.random() < 0.2:
        del place[name]
        value = "removed"
    else:
        place[name] = value
    path.write_text(json.dumps(whole))
    return f"{name} = {str(value)[:30]}"


def _header(path: Path, chance: random.Random) -> str:
    """Change the header of safetensors: names, types, shapes, places, metadata."""
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + size])
    names = [name for name in header if name != "__metadata__"]
    name = chance.choice(names)
    done = chance.choice(("dtype", "shape", "renamed", "removed", "swapped", "metadata", "twice"))
    match done:
        case "dtype":
            header[name]["dtype"] = chance.choice(
                ("F64", "F16", "BF16", "I32", "U8", "BOOL", "F8_E4M3", "C64", "I64", "X")
            )
        case "shape":
            shape = header[name]["shape"]
            header[name]["shape"] = chance.choice(([*shape[::-1]], [1, *shape], [], [2**60], [-1]))
        case "renamed":
            header[chance.choice(("x", "fc1", "", "\x1b[2J", "model.x"))] = header.pop(name)
        case "removed":
            del header[name]
        case "swapped":
            other = chance.choice(names)
            header[name], header[other] = header[other], header[name]
        case "metadata":
            text = chance.choice(
                ("", "{", "[]", "3", '{"step": "x"}', '{"step": -5, "seconds": 1}', "[" * 9000,
                 '{"step": 1e400, "seconds": "a"}', '{"step": 99999999999999999999, "seconds": 0}')
            )  # fmt: skip
            header["__metadata__"] = {"snip_gui": text}
        case "twice":
            header[name + ".copy"] = header[name]
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + size :])
    return f"{done} {name}"


def _cell(path: Path, chance: random.Random) -> str:
    """Change a number of a table."""
    lines = path.read_text().splitlines()
    number = chance.randrange(len(lines))
    cells = lines[number].split(",")
    place = chance.randrange(len(cells))
    cells[place] = chance.choice(("inf", "nan", "-1", "1e300", "", "x", "9" * 30, '"', "0", "="))
    lines[number] = ",".join(cells)
    path.write_text("\n".join(lines) + "\n")
    return f"line {number}, {cells[place][:10]}"
