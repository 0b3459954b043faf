"""Bundles: a run folder as one zip file, with the digest of each of its files.

A bundle is read without running code. Its members are the files of a run folder and nothing else;
names, sizes and digests are checked before a byte of it becomes a run.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import shutil
import stat
import zipfile
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

import msgspec

from snip_gui import __version__
from snip_gui.core.base.errors import UserError
from snip_gui.core.base.events import Event, Progress
from snip_gui.core.base.files import (
    new_part_folder,
    open_regular,
    read_error,
    replacing,
    write_error,
)
from snip_gui.core.base.json_files import JSON_ERRORS
from snip_gui.core.runs import folder as files
from snip_gui.core.runs.folder import read_recipe, read_summary

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from snip_gui.core.base.cancel import CancelToken

MANIFEST = "bundle.json"
_MOST_MANIFEST_BYTES = 16_000_000
_MOST_FILES = 100_000
_BLOCK_BYTES = 2**20
# Tensors and pictures are compressed by next to nothing.
_STORED = (".safetensors", ".png")
_IMAGE = re.compile(rf"{files.IMAGES}/[0-9a-f]{{16,128}}(\.[a-z0-9]{{1,8}})?")


class BundledFile(msgspec.Struct, frozen=True, kw_only=True):
    """Size and SHA-256 digest of a file."""

    num_bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The contents of a bundle.

    Attributes
    ----------
    name
        Name of the run folder.
    program
        Version of the program that wrote it.
    files
        Every other member, by its name in the run folder.
    """

    format: int = 1
    name: str
    program: str
    files: dict[str, BundledFile]


@dataclass(frozen=True)
class Bundled(Event):
    """A bundle was written, or read into a run folder."""

    path: Path
    num_files: int
    num_bytes: int


def write_bundle(folder: Path, path: Path, cancel: CancelToken) -> Generator[Event, None, None]:
    """Write a run folder to one zip file; ends with `Bundled`.

    Leases and files that are not part of a run are left out.

    Raises
    ------
    UserError
        If the folder is not a run, one of its files cannot be read or changes meanwhile, or the
        bundle cannot be written.
    Cancelled
        If cancelled meanwhile; nothing is left.
    """
    read_recipe(folder)
    read_summary(folder)
    names = list(_list_members(folder))
    members: dict[str, BundledFile] = {}
    for number, name in enumerate(names):
        yield Progress(f"Reading {name}", number, len(names))
        members[name] = _describe(folder / name, cancel)
    manifest = Manifest(name=folder.name, program=__version__, files=members)
    with replacing(path) as part, zipfile.ZipFile(part, "w") as archive:
        archive.writestr(_entry(MANIFEST), msgspec.json.format(msgspec.json.encode(manifest)))
        for number, name in enumerate(names):
            yield Progress(f"Writing {name}", number, len(names))
            with _open_member(folder / name) as source, archive.open(_entry(name), "w") as target:
                if _copy(source, target, members[name].num_bytes, cancel) != members[name].sha256:
                    raise UserError(
                        f"“{folder / name}” has changed while it was read.",
                        "Share the run once its training has ended.",
                    )
    yield Bundled(path, len(members), path.stat().st_size)


def read_manifest(path: Path) -> Manifest:
    """Return the contents of a bundle.

    Raises
    ------
    UserError
        If it is not a bundle, is damaged, was written by a newer version, or has members that are
        not files of a run.
    """
    with _open_bundle(path) as archive:
        return _read_manifest(archive, path)


def read_bundle(path: Path, folder: Path, cancel: CancelToken) -> Generator[Event, None, None]:
    """Make a run folder of a bundle; ends with `Bundled`. No code is run.

    Parameters
    ----------
    folder
        Folder to make, which must not exist.

    Raises
    ------
    UserError
        If the folder exists or cannot be written, there is not enough room, or a file in the bundle
        is damaged; and as `read_manifest`. Nothing is left then.
    Cancelled
        If cancelled meanwhile; nothing is left.
    """
    if os.path.lexists(folder):
        raise UserError(f"“{folder}” is there already.", "Choose another name.")
    with _open_bundle(path) as archive:
        manifest = _read_manifest(archive, path)
        total = sum(one.num_bytes for one in manifest.files.values())
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            if shutil.disk_usage(folder.parent).free < total:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))
            part = new_part_folder(folder)
        except OSError as error:
            raise write_error(folder, error) from error
        try:
            for number, (name, member) in enumerate(manifest.files.items()):
                yield Progress(f"Reading {name}", number, len(manifest.files))
                _extract(archive, path, name, member, part / name, cancel)
            read_recipe(part)
            read_summary(part)
            part.chmod(0o755)
            part.rename(folder)
        except OSError as error:
            raise write_error(folder, error) from error
        finally:
            shutil.rmtree(part, ignore_errors=True)
    yield Bundled(folder, len(manifest.files), total)


def _list_members(folder: Path) -> Iterator[str]:
    """Yield the names of the files of a run, those of its images last."""
    for name in sorted(files.ALL_FILES):
        if os.path.lexists(folder / name):
            yield name
    images = folder / files.IMAGES
    if images.is_dir() and not images.is_symlink():
        for name in sorted(os.listdir(images)):
            if _IMAGE.fullmatch(f"{files.IMAGES}/{name}"):
                yield f"{files.IMAGES}/{name}"


def _open_member(path: Path) -> IO[bytes]:
    try:
        return open_regular(path, follow_links=False)
    except OSError as error:
        raise read_error(path, error) from error


def _describe(path: Path, cancel: CancelToken) -> BundledFile:
    """Return size and digest of a file of a run."""
    digest, size = hashlib.sha256(), 0
    with _open_member(path) as file:
        while block := file.read(_BLOCK_BYTES):
            cancel.raise_if_cancelled()
            digest.update(block)
            size += len(block)
    return BundledFile(num_bytes=size, sha256=digest.hexdigest())


def _copy(source: IO[bytes], target: IO[bytes], num_bytes: int, cancel: CancelToken) -> str:
    """Copy at most one byte more than ``num_bytes``; return the digest of what was copied."""
    digest, left = hashlib.sha256(), num_bytes + 1
    while left and (block := source.read(min(_BLOCK_BYTES, left))):
        cancel.raise_if_cancelled()
        digest.update(block)
        target.write(block)
        left -= len(block)
    return digest.hexdigest()


def _entry(name: str) -> zipfile.ZipInfo:
    """Return a member with a fixed date, so that equal runs give equal bundles."""
    entry = zipfile.ZipInfo(name)
    stored = name.endswith(_STORED)
    entry.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
    entry.external_attr = (stat.S_IFREG | 0o644) << 16
    return entry


@contextlib.contextmanager
def _open_bundle(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open a bundle for reading; raises `UserError` if it is not a zip archive."""
    try:
        file = open_regular(path)
    except OSError as error:
        raise read_error(path, error) from error
    with file:
        try:
            archive = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise _damaged(path, str(error)) from error
        with archive:
            yield archive


def _read_manifest(archive: zipfile.ZipFile, path: Path) -> Manifest:
    """Read and check the list of contents; raises `UserError`."""
    entries = archive.infolist()
    names = [entry.filename for entry in entries]
    if MANIFEST not in names:
        raise UserError(
            f"“{path}” is not a bundle of a run: it holds no {MANIFEST}.",
            "Choose a file that “snip-gui bundle” has written.",
        )
    if len(names) > _MOST_FILES or len(set(names)) != len(names):
        raise _damaged(path, "it has too many members, or some of the same name")
    data = _read_member(archive, path, MANIFEST, _MOST_MANIFEST_BYTES)
    try:
        manifest = msgspec.json.decode(data, type=Manifest)
    except JSON_ERRORS as error:
        raise _damaged(path, f"{MANIFEST}: {error}") from error
    if manifest.format > 1:
        raise UserError(
            f"“{path}” was written by version {manifest.program} of this program.",
            "Update this program to open it.",
        )
    for name, member in manifest.files.items():
        if name not in files.ALL_FILES and not _IMAGE.fullmatch(name):
            raise _damaged(path, f"“{name}” is not a file of a run")
        if name not in names:
            raise _damaged(path, f"“{name}” is missing")
        if member.num_bytes < 0 or archive.getinfo(name).file_size != member.num_bytes:
            raise _damaged(path, f"“{name}” has another size than listed")
    return manifest


def _read_member(archive: zipfile.ZipFile, path: Path, name: str, max_bytes: int) -> bytes:
    """Return a small member."""
    if archive.getinfo(name).file_size > max_bytes:
        raise _damaged(path, f"“{name}” is larger than {max_bytes:,} bytes")
    try:
        with archive.open(name) as file:
            return file.read(max_bytes)
    except _ZIP_ERRORS as error:
        raise _damaged(path, f"“{name}”: {error}") from error


def _extract(
    archive: zipfile.ZipFile,
    path: Path,
    name: str,
    member: BundledFile,
    target: Path,
    cancel: CancelToken,
) -> None:
    """Write a member to a new file, and check its digest."""
    target.parent.mkdir(exist_ok=True)
    with target.open("xb") as file:
        try:
            with archive.open(name) as source:
                found = _copy(source, file, member.num_bytes, cancel)
        except _ZIP_ERRORS as error:
            raise _damaged(path, f"“{name}”: {error}") from error
    if found != member.sha256:
        raise _damaged(path, f"“{name}” differs from its digest")


# What zipfile raises for members that are damaged, encrypted or compressed in an unknown way.
_ZIP_ERRORS = (zipfile.BadZipFile, EOFError, RuntimeError, NotImplementedError, ValueError)


def _damaged(path: Path, reason: str) -> UserError:
    return UserError(f"“{path}” cannot be read: {reason}.", "Ask for the bundle once more.")
