"""Removes the parts of runs that nobody may need again, to free disk space. No torch.

Recipe, initial weights, minibatch, masks, trained weights and results always stay, so a slim run
can still be verified, exported, compared and shared.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.events import Event, Progress
from snip_gui.core.base.files import open_regular, read_error, replacing
from snip_gui.core.runs import folder as files
from snip_gui.core.runs.lease import holding, observe

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from pathlib import Path
    from typing import IO

    from snip_gui.core.base.cancel import CancelToken

_Header: TypeAlias = dict[str, Any]

_OPTIMIZER = "optimizer."
_METADATA, _OURS, _WITHOUT = "__metadata__", "snip_gui", "without"
_MOST_HEADER_BYTES = 100_000_000  # as the safetensors library allows
_ALIGNMENT = 8
_BLOCK_BYTES = 2**20
_RESUMABLE = ("scored", "pruned", "stopped")


@dataclass(frozen=True)
class Part:
    """A part of a run that can be removed.

    Attributes
    ----------
    loss
        What can no longer be done without it.
    """

    name: str
    title: str
    loss: str


PARTS = (
    Part(
        "scores",
        "Scores",
        "The score of each connection. The mask stays; other sparsities need scoring again.",
    ),
    Part(
        "optimizer",
        "Optimizer state",
        "Momentum and other state of the optimizer. The trained weights stay, but the run can no "
        "longer be extended. Runs that can still be resumed keep it.",
    ),
    Part(
        "timelines",
        "Timelines",
        "Loss, norms and learning rate of single training steps, and the file for TensorBoard. "
        "The curves of validation and test stay.",
    ),
)


@dataclass(frozen=True)
class RemovableMeasured(Event):
    """The bytes that removing each part of some runs would free, by name of the part."""

    folders: tuple[Path, ...]
    num_bytes: dict[str, int]


@dataclass(frozen=True)
class Slimmed(Event):
    """Parts of a run were removed, which freed a number of bytes."""

    folder: Path
    num_bytes: int


def measure_parts(folder: Path) -> dict[str, int]:
    """Return the bytes that removing each part would free, by name of the part.

    Raises
    ------
    UserError
        If the folder is not a run, or one of its files cannot be read.
    """
    summary = files.read_summary(folder)
    is_resumable = files.get_run_state(summary) in _RESUMABLE
    return {
        "scores": _size(folder / files.SCORES),
        "optimizer": 0 if is_resumable else _optimizer_bytes(folder / files.CHECKPOINT),
        "timelines": _size(folder / files.EVENTS) + _step_bytes(folder / files.METRICS),
    }


def measure_job(folders: Sequence[Path], cancel: CancelToken) -> Iterator[Event]:
    """Measure the parts of runs, all together; a damaged run counts as nothing."""
    total = dict.fromkeys((part.name for part in PARTS), 0)
    for number, folder in enumerate(folders):
        cancel.raise_if_cancelled()
        yield Progress(f"Measuring {folder.name}", number, len(folders))
        try:
            found = measure_parts(folder)
        except UserError:
            continue
        total = {name: size + found[name] for name, size in total.items()}
    yield RemovableMeasured(tuple(folders), total)


def slim_job(
    folders: Sequence[Path], parts: Sequence[str], cancel: CancelToken
) -> Generator[Event, None, None]:
    """Remove parts of runs; yields a `Slimmed` for each.

    Parameters
    ----------
    parts
        Names of the parts.

    Raises
    ------
    UserError
        At the first run that is in use, cannot be read or cannot be written.
    Cancelled
        If cancelled; runs are slimmed one after the other, and files are replaced atomically.
    """
    for number, folder in enumerate(folders):
        cancel.raise_if_cancelled()
        yield Progress(f"Slimming {folder.name}", number, len(folders))
        files.read_summary(folder)  # refuses what is not a run
        seen = yield from observe(folder, cancel)
        with holding(folder, seen):
            yield Slimmed(folder, _slim(folder, parts))


def refuse_without_optimizer(folder: Path) -> None:
    """Raise `UserError` if the optimizer's state was removed from a run's checkpoint."""
    path = folder / files.CHECKPOINT
    if not os.path.lexists(path):
        return
    with _open(path) as file:
        if _OPTIMIZER.rstrip(".") in _without(_read_header(file, path)[0]):
            raise UserError(
                f"“{folder.name}” cannot be extended: its optimizer state was removed to free "
                "disk space.",
                "Run its recipe again with the additional epochs.",
            )


def _slim(folder: Path, parts: Sequence[str]) -> int:
    """Remove parts of a run that is held; return the number of bytes freed."""
    found = measure_parts(folder)
    wanted = [name for name in parts if found[name]]
    if "scores" in wanted:
        (folder / files.SCORES).unlink()
    if "optimizer" in wanted:
        _remove_optimizer(folder / files.CHECKPOINT)
    if "timelines" in wanted:
        (folder / files.EVENTS).unlink(missing_ok=True)
        _remove_steps(folder / files.METRICS)
    return sum(found[name] for name in wanted)


def _size(path: Path) -> int:
    return path.lstat().st_size if os.path.lexists(path) else 0


def _open(path: Path) -> IO[bytes]:
    try:
        return open_regular(path, follow_links=False)
    except OSError as error:
        raise read_error(path, error) from error


# Timelines


def _is_step(line: bytes) -> bool:
    return b",train," in line


def _step_bytes(path: Path) -> int:
    if not os.path.lexists(path):
        return 0
    with _open(path) as file:
        return sum(len(line) for line in file if _is_step(line))


def _remove_steps(path: Path) -> None:
    if not os.path.lexists(path):
        return
    with _open(path) as old, replacing(path) as part, part.open("wb") as new:
        new.writelines(line for line in old if not _is_step(line))


# The optimizer's state, in a safetensors file: eight bytes with the length of a JSON header, the
# header with the place of each tensor, and the tensors in the order of their places.


def _optimizer_bytes(path: Path) -> int:
    if not os.path.lexists(path):
        return 0
    with _open(path) as file:
        header, _ = _read_header(file, path)
    return sum(_length(header[name]) for name in header if name.startswith(_OPTIMIZER))


def _remove_optimizer(path: Path) -> None:
    """Write a checkpoint without the optimizer's state, and note that in its metadata."""
    with _open(path) as old, replacing(path) as part, part.open("wb") as new:
        header, start = _read_header(old, path)
        kept = [n for n in header if n != _METADATA and not n.startswith(_OPTIMIZER)]
        kept.sort(key=lambda name: header[name]["data_offsets"][0])
        fresh: _Header = {_METADATA: _marked(header)}
        end = 0
        for name in kept:
            begin, end = end, end + _length(header[name])
            fresh[name] = header[name] | {"data_offsets": [begin, end]}
        text = json.dumps(fresh).encode()
        text += b" " * (-len(text) % _ALIGNMENT)
        new.write(len(text).to_bytes(8, "little") + text)
        for name in kept:
            old.seek(start + header[name]["data_offsets"][0])
            left = _length(header[name])
            while left:
                block = old.read(min(left, _BLOCK_BYTES))
                if not block:
                    raise _damaged(path)
                new.write(block)
                left -= len(block)


def _read_header(file: IO[bytes], path: Path) -> tuple[_Header, int]:
    """Return the header of a safetensors file, and where its tensors start.

    Raises
    ------
    UserError
        If it is damaged.
    """
    length = int.from_bytes(file.read(8), "little")
    if not 2 <= length <= _MOST_HEADER_BYTES:
        raise _damaged(path)
    try:
        header = json.loads(file.read(length))
        for name, entry in header.items():
            if name != _METADATA:
                begin, end = entry["data_offsets"]
                if not 0 <= begin <= end:
                    raise ValueError(f"the tensor “{name}” has no place")
        _without(header)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise _damaged(path) from error
    return header, 8 + length


def _length(entry: _Header) -> int:
    """Return the number of bytes of a tensor."""
    begin, end = entry["data_offsets"]
    return int(end - begin)


def _ours(header: _Header) -> _Header:
    """Return this program's metadata of a file."""
    found = json.loads(header.get(_METADATA, {}).get(_OURS, "{}"))
    if not isinstance(found, dict):
        raise ValueError("its metadata is not an object")
    return found


def _without(header: _Header) -> list[str]:
    """Return what was removed from a file."""
    return list(_ours(header).get(_WITHOUT, ()))


def _marked(header: _Header) -> dict[str, str]:
    """Return the metadata of a checkpoint from which the optimizer's state is removed."""
    ours = _ours(header) | {_WITHOUT: [_OPTIMIZER.rstrip(".")]}
    metadata: dict[str, str] = header.get(_METADATA, {})
    return metadata | {_OURS: json.dumps(ours, sort_keys=True)}


def _damaged(path: Path) -> UserError:
    return UserError(f"“{path}” cannot be read: it is damaged.", "It was left unchanged.")
