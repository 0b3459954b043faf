"""Where a recipe runs: device, threads and folders. Recorded with results, not in the recipe."""

from __future__ import annotations

import contextlib
import os
import platform
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_THREADS = 1024
"""More would end the process: the system refuses to create them in the middle of an operation."""


def num_processors() -> int:
    """Return the number of CPUs that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def default_num_threads() -> int:
    """Return one less than the number of CPUs this process may use, but at least one.

    Threads on every core are many times slower on a busy machine, and the window needs a core too.
    """
    return max(1, num_processors() - 1)


def default_runs_folder() -> Path:
    """Return the runs folder: ``SNIP_GUI_RUNS``, or ``runs`` in the user's data folder."""
    named = os.environ.get("SNIP_GUI_RUNS")
    return Path(named) if named else Path(platformdirs.user_data_dir("snip-gui", False)) / "runs"


def available_memory() -> int:
    """Return the bytes this process may allocate now: free memory, subject to its limits."""
    import psutil

    free = [int(psutil.virtual_memory().available), _left_in_container()]
    if hasattr(psutil, "RLIMIT_AS"):
        process = psutil.Process()
        limit = process.rlimit(psutil.RLIMIT_AS)[0]
        if limit != psutil.RLIM_INFINITY:
            free.append(limit - process.memory_info().vms)
    return max(0, min(free))


def available_image_memory() -> int:
    """Return half of the available memory, because images are copied once to the device."""
    return available_memory() // 2


# Limit, usage and statistics of a Linux control group, in its two versions.
_CONTROL_GROUPS = (
    ("memory.max", "memory.current", "inactive_file"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "total_inactive_file"),
)


def _left_in_container(root: Path = Path("/sys/fs/cgroup")) -> int:
    """Return the bytes still available in the control group; a huge number without one.

    Reclaimable page cache does not count as used.
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
    """Keep Python processes started meanwhile from importing from the current folder.

    The folder may be untrusted, and a ``signal.py`` in it would shadow Python's own.
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
    """Return the default folder for downloads."""
    return Path(platformdirs.user_data_dir("snip-gui", False)) / "data"


def default_image_folder() -> Path:
    """Return the folder of user-supplied images."""
    return Path(platformdirs.user_data_dir("snip-gui", False)) / "images"


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """Device, thread count, data folder and memory.

    Attributes
    ----------
    device
        ``auto``, ``cpu``, ``cuda:N`` or ``mps``.
    num_threads
        Intra-op threads on the CPU. Scores differ in the last bit between thread counts.
    data_folder
        The folder that contains torchvision's folders; None if none was given.
    trusted_code
        Digests (SHA-256) of the Python files that the user has agreed to run.
    image_folders
        Folders of user-supplied images, named by digest, in the order in which they are searched.
    image_memory_bytes
        The most memory that a folder of images may take; a larger one is streamed. None for half of
        the memory that is free when it is opened.
    event_files
        Whether training also writes an event file for TensorBoard.
    """

    device: str = "auto"
    num_threads: int = field(default_factory=default_num_threads)
    data_folder: Path | None = None
    trusted_code: frozenset[str] = frozenset()
    image_folders: tuple[Path, ...] = field(default_factory=lambda: (default_image_folder(),))
    image_memory_bytes: int | None = None
    event_files: bool = False


def describe_machine() -> str:
    """Return the number of CPU cores and the architecture, in words."""
    number = os.cpu_count() or 1
    return f"{number} {'CPU core' if number == 1 else 'CPU cores'} ({platform.machine()})"
