"""The source of a network is read as it would be run, or refused."""

from __future__ import annotations

import os

import pytest

from snip_gui.core.base.errors import UserError
from snip_gui.core.models.own.source import MOST_BYTES, candidates, read_source


@pytest.mark.parametrize(
    "data",
    [
        b"# coding: utf-7\n# +AAo-import os\n",
        b"\n# -*- coding: latin-1 -*-\n",
        b"# vim: set fileencoding=cp1252 :\n",
        b"#!python\n# coding=no-such-codec\n",
        b"x = '\xe4'\n",
        b"\xff\xfex\x00",
        b"x = 1\0\n",
    ],
)
def test_other_encodings_are_refused(tmp_path, data):
    path = tmp_path / "net.py"
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"“net\.py” is not Python") as caught:
        read_source(path)
    assert caught.value.field == "model.file"


@pytest.mark.parametrize(
    "data",
    [
        b"# coding: utf-8\nx = 1\n",
        b"\xef\xbb\xbfx = 1\n",
        b"# -*- coding: UTF8 -*-\n",
        b"\n\n# coding: utf-7\n",
    ],
)
def test_utf8_is_read_whatever_it_is_called(tmp_path, data):
    path = tmp_path / "net.py"
    path.write_bytes(data)
    source = read_source(path)
    assert source.data == data
    assert not source.text.startswith("\ufeff")
    assert candidates(source) == ()


def test_only_regular_files_of_a_size_to_review_are_read(tmp_path):
    os.mkfifo(tmp_path / "net.py")
    with pytest.raises(UserError, match="named pipe"):
        read_source(tmp_path / "net.py")
    with pytest.raises(UserError, match="cannot be read"):
        read_source(tmp_path / "none.py")
    (tmp_path / "large.py").write_bytes(b"#" * (MOST_BYTES + 1))
    with pytest.raises(UserError) as caught:
        read_source(tmp_path / "large.py")
    assert caught.value.field == "model.file"


def test_code_nested_too_deeply_is_refused(tmp_path):
    path = tmp_path / "net.py"
    path.write_text("(" * 10_000 + ")" * 10_000)
    with pytest.raises(UserError, match="is not Python"):
        candidates(read_source(path))
