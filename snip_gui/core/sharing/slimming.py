"""Removes the parts of runs that nobody may need again, to free disk space. No torch.

Recipe, initial weights, minibatch, masks, trained weights and results always stay, so a slim run
can still be verified, exported, compared and shared.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.events import Event, Progress
from snip_gui.core.base.files import open_regular, read_error, replacing
from snip_gui.core.runs import folder as files
from snip_gui.core.runs.extend import OPTIMIZER
from snip_gui.core.runs.lease import holding, observe
from snip_gui.core.weight_files.header import read_header, write_without

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from pathlib import Path
    from typing import IO

    from snip_gui.core.base.cancel import CancelToken

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
        "Loss, norms and learning rate of single training steps, the moves of a mask that changed, "
        "and the file for TensorBoard. The curves of validation and test stay.",
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
        "timelines": sum(_size(folder / name) for name in (files.EVENTS, files.MOVES))
        + _step_bytes(folder / files.METRICS),
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


def _slim(folder: Path, parts: Sequence[str]) -> int:
    """Remove parts of a run that is held; return the number of bytes freed."""
    found = measure_parts(folder)
    wanted = [name for name in parts if found[name]]
    if "scores" in wanted:
        (folder / files.SCORES).unlink()
    if "optimizer" in wanted:
        write_without(folder / files.CHECKPOINT, OPTIMIZER, without=[OPTIMIZER])
    if "timelines" in wanted:
        for name in (files.EVENTS, files.MOVES):
            (folder / name).unlink(missing_ok=True)
        _remove_steps(folder / files.METRICS)
    return sum(found[name] for name in wanted)


def _size(path: Path) -> int:
    return path.lstat().st_size if os.path.lexists(path) else 0


def _open(path: Path) -> IO[bytes]:
    try:
        return open_regular(path, follow_links=False)
    except OSError as error:
        raise read_error(path, error) from error


def _optimizer_bytes(path: Path) -> int:
    if not os.path.lexists(path):
        return 0
    header = read_header(path)
    return sum(header.num_bytes(name) for name in header.entries if name.startswith(OPTIMIZER))


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
