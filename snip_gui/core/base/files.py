"""Reads regular files only, and writes such that a failure leaves the old file untouched."""

from __future__ import annotations

import contextlib
import errno
import glob
import os
import re
import shutil
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from snip_gui.core.base.errors import DiskFullError, UserError
from snip_gui.core.base.machine.processes import host_id, pid_runs
from snip_gui.core.base.text import size_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedReader

_PART = re.compile(r"\.(?P<host>[0-9a-f]{12})-(?P<pid>\d{1,10})-[^.]+\.part$")

# File names may be 255 bytes long, and a character may take four.
_LONGEST_PART = 50

# Opening a FIFO blocks until there is a writer, and a terminal may become the controlling one;
# Windows would translate line ends.
_OPEN_FLAGS = os.O_RDONLY
for _flag in ("O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC", "O_NOINHERIT", "O_BINARY"):
    _OPEN_FLAGS |= getattr(os, _flag, 0)

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISLNK, "a symbolic link"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


# Reading


def open_regular(
    path: Path | str, *, max_bytes: int | None = None, follow_links: bool = True
) -> BufferedReader:
    """Open a file for reading, provided that it is a regular file.

    A FIFO, a socket or a device such as ``/dev/zero`` would block forever or never end. The type is
    checked before opening, because opening alone may have side effects, and again on the open
    descriptor, because the name may refer to another file by then.

    Parameters
    ----------
    max_bytes
        Larger files are refused; None for any size. A file may still grow while it is read.
    follow_links
        Whether the path may be a symbolic link.

    Raises
    ------
    OSError
        If it cannot be opened, is not a regular file, or is too large; ``strerror`` says which.
    """
    check_regular(path, max_bytes=max_bytes, follow_links=follow_links)
    flags = _OPEN_FLAGS if follow_links else _OPEN_FLAGS | getattr(os, "O_NOFOLLOW", 0)
    descriptor = os.open(path, flags)
    try:
        _check_status(path, os.fstat(descriptor), max_bytes)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def check_regular(
    path: Path | str, *, max_bytes: int | None = None, follow_links: bool = True
) -> int:
    """Return the size in bytes of a regular file, for libraries that open a path themselves.

    Raises
    ------
    OSError
        As `open_regular`.
    """
    try:
        status = os.stat(path, follow_symlinks=follow_links)
    except ValueError as error:  # a name that no system call takes
        raise OSError(errno.EINVAL, "its name is not one of a file", str(path)) from error
    _check_status(path, status, max_bytes)
    return status.st_size


def read_bytes(path: Path, *, max_bytes: int, follow_links: bool = True) -> bytes:
    """Return the contents of a regular file.

    Raises
    ------
    UserError
        If it cannot be read, is not a regular file, or is larger than ``max_bytes``.
    """
    try:
        with open_regular(path, max_bytes=max_bytes, follow_links=follow_links) as file:
            data = file.read(max_bytes + 1)
        if len(data) > max_bytes:  # it has grown, or its file system reports no size
            raise _too_large(path, max_bytes)
    except OSError as error:
        raise read_error(path, error) from error
    return data


def read_text(path: Path, *, max_bytes: int, follow_links: bool = True) -> str:
    """Return the contents of a regular UTF-8 file, with line ends unchanged.

    Raises
    ------
    UserError
        As `read_bytes`, and if it is not UTF-8.
    """
    data = read_bytes(path, max_bytes=max_bytes, follow_links=follow_links)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UserError(
            f"“{path}” is not UTF-8 text: byte {error.start:,} does not belong there.",
            "Choose another file, or save this one as UTF-8.",
        ) from error


def read_error(path: Path, error: OSError) -> UserError:
    """Return the error to raise for a file that could not be read."""
    text = f"“{path}” cannot be read: {error.strerror or error}."
    return UserError(text, "Choose another file, or make this one readable.")


def _check_status(path: Path | str, status: os.stat_result, max_bytes: int | None) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = next((name for is_kind, name in _KINDS if is_kind(status.st_mode)), "something else")
        raise OSError(errno.EINVAL, f"it is {kind}, not a regular file", str(path))
    if max_bytes is not None and status.st_size > max_bytes:
        raise _too_large(path, max_bytes)


def _too_large(path: Path | str, max_bytes: int) -> OSError:
    text = f"it is larger than {size_text(max_bytes)}, the most that is read"
    return OSError(errno.EFBIG, text, str(path))


# Writing


@contextlib.contextmanager
def replacing(path: Path, *, nameless: bool = False, in_folder: bool = False) -> Iterator[Path]:
    """Yield a temporary path to write to; rename it to ``path`` on success.

    Parameters
    ----------
    in_folder
        Yield a file that does not exist yet, alone in a temporary folder, for a writer that creates
        temporary files of its own beside its target: if the process is killed, they are removed
        with the folder.
    nameless
        Where the system supports it, the temporary file has no directory entry until it is
        complete, so that nothing remains even if the process is killed. Only this process can use
        the path.

    Raises
    ------
    UserError
        If the folder is not writable or the disk is full (`DiskFullError`); the old file is
        untouched.
    """
    part: Path | None = None
    folder: Path | None = None
    handle = -1
    try:
        _refuse_special(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path)
        if nameless:
            handle = _open_nameless(path.parent)
        writable = Path(f"/proc/self/fd/{handle}") if handle >= 0 else None
        if in_folder:
            folder = new_part_folder(path)
            part = writable = folder / path.name
        elif writable is None:
            part = writable = _new_part(path)
        yield writable
        with writable.open("rb+") as file:
            os.fsync(file.fileno())
        # Temporary files are readable by their owner only; a result is an ordinary file.
        writable.chmod(0o666 & ~_umask())
        if part is None:
            part = _new_part(path)
            _name(handle, part)
        part.replace(path)
    except OSError as error:
        raise write_error(path, error) from error
    finally:
        if handle >= 0:
            os.close(handle)
        if part is not None:
            # This fails too on a disk that has become read-only, but is not the error to report.
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def _refuse_special(path: Path) -> None:
    """Raise `OSError` if a path exists and is not a regular file, which would be replaced."""
    with contextlib.suppress(FileNotFoundError):
        _check_status(path, path.stat(), None)


def _open_nameless(folder: Path) -> int:
    """Return the descriptor of a new file without a name; -1 where that is not supported."""
    flag = getattr(os, "O_TMPFILE", None)
    if flag is None or not Path("/proc/self/fd").is_dir():
        return -1
    try:
        return os.open(folder, flag | os.O_RDWR, 0o600)
    except OSError:  # unsupported; any other error recurs when written normally
        return -1


def _name(handle: int, part: Path) -> None:
    """Link a nameless file to the path of a part file, replacing it."""
    part.unlink()
    try:
        # Python follows the link only if a directory descriptor is given.
        folder = os.open("/proc/self/fd", os.O_RDONLY)
        try:
            os.link(str(handle), part, src_dir_fd=folder)
        finally:
            os.close(folder)
    except OSError:  # no hard links on this file system
        shutil.copyfile(f"/proc/self/fd/{handle}", part)
        with part.open("rb+") as file:
            os.fsync(file.fileno())


def _new_part(path: Path) -> Path:
    """Return a new empty file beside ``path``, named after it and after this process."""
    prefix = f"{_part_prefix(path)}{host_id()}-{os.getpid()}-"
    handle, name = tempfile.mkstemp(prefix=prefix, suffix=".part", dir=path.parent)
    os.close(handle)
    return Path(name)


def _part_prefix(path: Path) -> str:
    return f".{path.name[:_LONGEST_PART]}."


def new_part_folder(path: Path) -> Path:
    """Return a new empty folder beside ``path``; remove those of processes that have ended."""
    _sweep(path)
    prefix = f"{_part_prefix(path)}{host_id()}-{os.getpid()}-"
    return Path(tempfile.mkdtemp(prefix=prefix, suffix=".part", dir=path.parent))


def _sweep(path: Path) -> None:
    """Remove the temporary files that ended processes have left beside a file."""
    sweep_parts(path.parent, _part_prefix(path))


def sweep_parts(folder: Path, prefix: str = ".") -> None:
    """Remove temporary files and folders of this host's ended processes.

    Parameters
    ----------
    prefix
        Prefix of the file names.
    """
    for left in folder.glob(f"{glob.escape(prefix)}*.part"):
        made_by = _PART.search(left.name)
        if made_by is None or made_by["host"] != host_id():
            continue
        if not pid_runs(int(made_by["pid"])):
            if left.is_dir() and not left.is_symlink():
                shutil.rmtree(left, ignore_errors=True)
                continue
            with contextlib.suppress(OSError):  # harmless if it stays
                left.unlink(missing_ok=True)


def write_error(path: Path, error: OSError) -> UserError:
    """Return the error to raise for a failed write; `DiskFullError` if the disk is full."""
    text = f"“{path}” cannot be written: {error.strerror or error}."
    codes = (errno.ENOSPC, errno.EDQUOT)
    # Libraries in other languages give the number only in the message.
    if error.errno in codes or any(f"os error {code})" in str(error) for code in codes):
        return DiskFullError(text, "Free some disk space.")
    return UserError(text, "Choose another folder, or free some disk space.")


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically; raises `UserError` as `replacing` does."""
    with replacing(path) as part:
        part.write_text(text, encoding="utf-8")


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file atomically; raises `UserError` as `replacing` does."""
    with replacing(path) as part:
        part.write_bytes(data)


def _umask() -> int:
    """Return the umask of the process, which can only be read by setting it."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
