"""Where a recipe is worked out: device, threads and folders. Recorded with results, not in them."""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_THREADS = 1024
"""More end the process: the system refuses to make them in the middle of an operation."""


def default_num_threads() -> int:
    """Return one less than the processors this process may use, at least one.

    Threads on every core are many times slower when the machine is busy, and the window needs one.
    """
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)) - 1)
    return max(1, (os.cpu_count() or 1) - 1)


def default_runs_folder() -> Path:
    """Return where runs are kept: ``SNIP_GUI_RUNS``, or ``runs`` in the user's data folder."""
    named = os.environ.get("SNIP_GUI_RUNS")
    return Path(named) if named else Path(platformdirs.user_data_dir("snip-gui", False)) / "runs"


def available_memory() -> int:
    """Return how many bytes this process may take now: what is free, within limits set on it."""
    import psutil

    free = [int(psutil.virtual_memory().available), _left_in_container()]
    if hasattr(psutil, "RLIMIT_AS"):
        process = psutil.Process()
        limit = process.rlimit(psutil.RLIMIT_AS)[0]
        if limit != psutil.RLIM_INFINITY:
            free.append(limit - process.memory_info().vms)
    return max(0, min(free))


def available_image_memory() -> int:
    """Return half of the available memory: images are copied once to the device."""
    return available_memory() // 2


# Limit, use and statistics of a control group of Linux, in its two versions.
_CONTROL_GROUPS = (
    ("memory.max", "memory.current", "inactive_file"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "total_inactive_file"),
)


def _left_in_container(root: Path = Path("/sys/fs/cgroup")) -> int:
    """Return the bytes that a control group leaves; very many where there is none.

    Pages of files that can be dropped do not count as taken.
    """
    for limit, taken, droppable in _CONTROL_GROUPS:
        try:
            lines = (root / limit).with_name("memory.stat").read_text().splitlines()
            statistics = dict(line.split() for line in lines)
            left = int((root / limit).read_text()) - int((root / taken).read_text())
            return left + int(statistics[droppable])
        except (OSError, ValueError, KeyError):  # the other version, or “max”: no limit
            continue
    return sys.maxsize


@contextlib.contextmanager
def safe_path() -> Iterator[None]:
    """Let Python processes that are started meanwhile import nothing from the current folder.

    That folder may be a stranger's, and a ``signal.py`` in it would be run in place of Python's.
    """
    name = "PYTHONSAFEPATH"
    before = os.environ.get(name)
    os.environ[name] = "1"
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = before


def default_data_folder() -> Path:
    """Return where downloads go unless another folder is named."""
    return Path(platformdirs.user_data_dir("snip-gui", False)) / "data"


def default_image_folder() -> Path:
    """Return where images of the user's own are kept."""
    return Path(platformdirs.user_data_dir("snip-gui", False)) / "images"


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """Device, thread count, data folder and memory.

    Attributes
    ----------
    device
        ``auto``, ``cpu`` or ``cuda:N``.
    num_threads
        Threads of one operation on the CPU. Scores differ in the last bit between thread counts.
    data_folder
        The folder that contains torchvision's folders; None if none was named.
    trusted_code
        Digests (SHA-256) of the Python files that the user agreed to run.
    image_folders
        Where images of the user's own are kept, by their digests; the first that has one will do.
    image_memory_bytes
        What a folder of images may take in memory; one that needs more is streamed. None for half
        of the memory that is free when it is opened.
    """

    device: str = "auto"
    num_threads: int = field(default_factory=default_num_threads)
    data_folder: Path | None = None
    trusted_code: frozenset[str] = frozenset()
    image_folders: tuple[Path, ...] = field(default_factory=lambda: (default_image_folder(),))
    image_memory_bytes: int | None = None
