from __future__ import annotations

import errno
import os
import stat

import pytest

from snip_gui.core.base.errors import DiskFullError, UserError
from snip_gui.core.base.files import replacing, write_text


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
def test_a_full_disk_is_told_from_other_faults(tmp_path, error, kind):
    with pytest.raises(UserError) as caught, replacing(tmp_path / "file"):
        raise error
    assert type(caught.value) is kind
    assert "“" in caught.value.message
    assert list(tmp_path.iterdir()) == []
