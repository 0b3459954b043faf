"""Unpacks ``.gz``, ``.tar.gz`` and ``.zip`` without leaving partial or malicious files."""

from __future__ import annotations

import contextlib
import gzip
import shutil
import stat
import tarfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, TYPE_CHECKING, TypeAlias, cast

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.events import Event, Progress
from snip_gui.core.base.files import new_part_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from snip_gui.core.base.cancel import CancelToken

    # Name in the archive, whether it is a regular file, and a function that opens it.
    _Member: TypeAlias = tuple[str, bool, Callable[[], IO[bytes]]]

_CHUNK_BYTES = 1024 * 1024
_DAMAGE = (tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, EOFError)


def unpack(archive: Path, cancel: CancelToken) -> Generator[Event, None, None]:
    """Unpack an archive into its own folder; other kinds of file are left alone.

    Everything is written to a hidden folder first, and moved once complete.

    Raises
    ------
    UserError
        If the archive is damaged, or a path in it leads out of the folder.
    OSError
        If the folder is not writable.
    Cancelled
        If cancelled meanwhile; no file is left behind.
    """
    members = _find_reader(archive.name)
    if members is None:
        return
    part = new_part_folder(archive)
    try:
        with contextlib.closing(members(archive)) as found:
            for number, (name, is_plain, open_member) in enumerate(found):
                if number % 100 == 0:
                    yield Progress(f"Unpacking {archive.name}")
                target = part / _safe(name, archive, is_plain=is_plain)
                target.parent.mkdir(parents=True, exist_ok=True)
                with open_member() as source, target.open("wb") as file:
                    _copy(source, file, cancel)
        for child in list(part.iterdir()):
            _move(child, archive.parent / child.name)
    except _DAMAGE as error:
        raise UserError(
            f"“{archive}” is damaged and cannot be unpacked: {error}.",
            "Delete the file and download it again.",
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _find_reader(name: str) -> Callable[[Path], Generator[_Member, None, None]] | None:
    """Return the reader for an archive of this name; None if it is not an archive."""
    if name.endswith((".tar.gz", ".tgz")):
        return _tar_members
    if name.endswith(".zip"):
        return _zip_members
    return _gzip_member if name.endswith(".gz") else None


def _gzip_member(archive: Path) -> Generator[_Member, None, None]:
    def open_member() -> IO[bytes]:
        return cast("IO[bytes]", gzip.open(archive, "rb"))

    yield archive.name.removesuffix(".gz"), True, open_member


def _tar_members(archive: Path) -> Generator[_Member, None, None]:
    with tarfile.open(archive, "r:gz") as tar:
        for member in tar:
            if member.isdir():
                continue

            def open_member(member: tarfile.TarInfo = member) -> IO[bytes]:
                stream = tar.extractfile(member)
                assert stream is not None
                return stream

            yield member.name, member.isfile(), open_member


def _zip_members(archive: Path) -> Generator[_Member, None, None]:
    with zipfile.ZipFile(archive) as packed:
        for member in packed.infolist():
            if member.is_dir():
                continue

            def open_member(member: zipfile.ZipInfo = member) -> IO[bytes]:
                return packed.open(member)

            yield member.filename, not stat.S_ISLNK(member.external_attr >> 16), open_member


def _safe(name: str, archive: Path, *, is_plain: bool) -> PurePosixPath:
    """Return the relative path of a member; refuse links and paths that lead out of the folder.

    tarfile's filter does this too, but is missing from early releases of Python 3.11, and zipfile
    has none.
    """
    path = PurePosixPath(name)
    windows = PureWindowsPath(name)
    outside = path.is_absolute() or windows.is_absolute() or bool(windows.drive)
    if outside or ".." in (*path.parts, *windows.parts) or not is_plain or not path.parts:
        raise UserError(
            f"“{archive}” contains “{name}”, which would be written outside its folder or is not "
            "a regular file. It was not unpacked.",
            "Delete the file: it is not what the source publishes.",
        )
    return path


def _copy(source: IO[bytes], target: IO[bytes], cancel: CancelToken) -> None:
    while chunk := source.read(_CHUNK_BYTES):
        cancel.raise_if_cancelled()
        target.write(chunk)


def _move(source: Path, target: Path) -> None:
    """Move a file or folder; an existing folder is merged into."""
    if source.is_dir() and target.is_dir():
        for child in list(source.iterdir()):
            _move(child, target / child.name)
    else:
        source.replace(target)
