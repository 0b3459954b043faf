from __future__ import annotations

import errno
import os
import socket
import stat
from pathlib import Path

import pytest

from snip_gui.core.base.errors import DiskFullError, UserError
from snip_gui.core.base.files import (
    open_regular,
    read_bytes,
    read_text,
    replacing,
    write_text,
)


def test_folders_are_made_and_the_text_is_there(tmp_path):
    path = tmp_path / "a" / "b" / "file.txt"
    write_text(path, "héllo\n")
    assert path.read_text(encoding="utf-8") == "héllo\n"
    assert [p.name for p in path.parent.iterdir()] == ["file.txt"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), ValueError("no")])
def test_a_failure_leaves_the_old_file_and_no_part(tmp_path, error):
    path = tmp_path / "file.txt"
    path.write_text("old")

    def write():
        with replacing(path) as part:
            part.write_text("half")
            raise error

    with pytest.raises(UserError if isinstance(error, OSError) else ValueError) as caught:
        write()
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["file.txt"]
    if isinstance(error, OSError):
        assert str(path) in caught.value.message
        assert "No space left on device" in caught.value.message


def test_a_path_under_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match="cannot be written"):
        write_text(tmp_path / "file" / "below.txt", "text")


def test_a_folder_is_not_replaced(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match="cannot be written"):
        write_text(tmp_path / "folder", "text")
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


def test_files_have_ordinary_permissions(tmp_path):
    before = os.umask(0o027)
    try:
        write_text(tmp_path / "file.txt", "text")
        assert stat.S_IMODE((tmp_path / "file.txt").stat().st_mode) == 0o640
        assert os.umask(0o027) == 0o027  # the process's own umask is as it was
    finally:
        os.umask(before)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), DiskFullError),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), DiskFullError),
        # As the writer of safetensors says it.
        (OSError(None, "I/O error: No space left on device (os error 28)"), DiskFullError),
        (OSError(errno.EACCES, "Permission denied"), UserError),
    ],
)
def test_a_full_disk_is_distinguished_from_other_faults(tmp_path, error, kind):
    with pytest.raises(UserError) as caught, replacing(tmp_path / "file"):
        raise error
    assert type(caught.value) is kind
    assert "“" in caught.value.message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="kinds of files of POSIX")
@pytest.mark.parametrize("nameless", [False, True])
def test_what_is_not_a_file_is_not_replaced(tmp_path, nameless):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "null").symlink_to("/dev/null")
    for name in ("pipe", "null"):
        with (
            pytest.raises(UserError, match="cannot be written: it is a"),
            replacing(tmp_path / name, nameless=nameless),
        ):
            pytest.fail("something was written")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["null", "pipe"]


def test_a_disk_that_turns_read_only_is_what_is_said(tmp_path, monkeypatch):
    def refuse(*_arguments, **_options):
        raise OSError(errno.EROFS, "Read-only file system")

    def write():
        with replacing(tmp_path / "file"):
            monkeypatch.setattr(Path, "unlink", refuse)
            raise OSError(errno.EIO, "Input/output error")

    with pytest.raises(UserError, match="Input/output error"):
        write()


# Reading


@pytest.fixture
def special(tmp_path):
    """One of each kind of file that is not a regular one."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "zero").symlink_to("/dev/zero")
    (tmp_path / "to-pipe").symlink_to("pipe")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(tmp_path / "socket"))
        yield tmp_path


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("pipe", "a named pipe"),
        ("to-pipe", "a named pipe"),
        ("folder", "a folder"),
        ("zero", "a device"),
        ("socket", "a socket"),
    ],
)
def test_only_regular_files_are_read(special, name, kind):
    with pytest.raises(UserError) as caught:
        read_bytes(special / name, max_bytes=10)
    assert caught.value.message == (
        f"“{special / name}” cannot be read: it is {kind}, not a regular file."
    )
    assert caught.value.hint


def test_the_kind_is_checked_on_the_open_descriptor(special, monkeypatch):
    """A name that is exchanged between the look and the opening."""
    (special / "file").write_bytes(b"honest")
    look = os.stat

    def exchange(path, **options):
        status = look(path, **options)
        (special / "pipe").replace(special / "file")
        return status

    monkeypatch.setattr(os, "stat", exchange)
    with pytest.raises(OSError, match="named pipe"):
        open_regular(special / "file")


def test_size_is_bounded(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert read_bytes(path, max_bytes=5) == b"12345"
    with pytest.raises(UserError, match="larger than 4 bytes"):
        read_bytes(path, max_bytes=4)


def test_a_file_that_states_no_size_is_bounded_too():
    path = Path("/proc/self/status")  # its size is said to be 0
    if not path.exists():
        pytest.skip("no /proc")
    assert b"Name:" in read_bytes(path, max_bytes=100_000)
    with pytest.raises(UserError, match="larger than 10 bytes"):
        read_bytes(path, max_bytes=10)


def test_links_are_followed_unless_refused(tmp_path):
    (tmp_path / "file").write_bytes(b"text")
    link = tmp_path / "link"
    link.symlink_to("file")
    assert read_text(link, max_bytes=10) == "text"
    with pytest.raises(UserError, match="it is a symbolic link, not a regular file"):
        read_text(link, max_bytes=10, follow_links=False)


def test_text_is_utf_8(tmp_path):
    path = tmp_path / "file"
    path.write_bytes("naïve\r\n".encode())
    assert read_text(path, max_bytes=100) == "naïve\r\n"
    path.write_bytes(b"abc\xff")
    with pytest.raises(UserError, match="not UTF-8 text: byte 3 "):
        read_text(path, max_bytes=100)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match="No such file") as caught:
        read_bytes(tmp_path / "gone", max_bytes=10)
    assert str(tmp_path / "gone") in caught.value.message
    assert isinstance(caught.value.__cause__, FileNotFoundError)


def test_descriptors_are_closed(special):
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else None
    if before is None:
        pytest.skip("no /proc")
    for name in ("pipe", "folder", "zero"):
        with pytest.raises(OSError):
            open_regular(special / name)
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_name_with_a_null_character_is_that_of_no_file():
    with pytest.raises(OSError, match="its name is not one of a file"):
        open_regular("a\0b")
    with pytest.raises(UserError, match="cannot be read"):
        read_bytes(Path("a\0b"), max_bytes=10)
