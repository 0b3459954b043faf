from __future__ import annotations

import os

import msgspec
import pytest

from snip_gui.core.base.errors import UserError
from snip_gui.session.kept.reading import MOST_BYTES, read_kept


def decode(data: bytes) -> list[str]:
    return msgspec.json.decode(data, type=list[str])


def make_huge(path):
    with path.open("wb") as file:
        file.truncate(MOST_BYTES + 1)


BAD = {
    "garbage": lambda path: path.write_bytes(bytes(range(256))),
    "empty": lambda path: path.write_bytes(b""),
    "not UTF-8": lambda path: path.write_bytes(b'["\xff"]'),
    "nested deeply": lambda path: path.write_bytes(b"[" * 200_000),
    "another type": lambda path: path.write_bytes(b'{"a": 1}'),
    "huge": make_huge,
    "a folder": lambda path: path.mkdir(),
    "a pipe": os.mkfifo,
    "a device": lambda path: path.symlink_to("/dev/zero"),
}


def test_a_file_that_does_not_exist_is_not_a_problem(tmp_path):
    assert read_kept(tmp_path / "none.json", decode) == (None, "")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", BAD)
def test_whatever_the_file_is_it_is_set_aside_and_said(tmp_path, kind):
    path = tmp_path / "kept.json"
    BAD[kind](path)
    before = os.lstat(path)
    value, problem = read_kept(path, decode)
    assert value is None
    assert "“kept.json” was set aside as “kept.json.bad”." in problem
    assert not os.path.lexists(path)
    assert os.lstat(tmp_path / "kept.json.bad").st_ino == before.st_ino


def test_what_was_set_aside_is_not_overwritten(tmp_path):
    path = tmp_path / "kept.json"
    for text in ("first", "second", "third"):
        path.write_text(text)
        read_kept(path, decode)
    kept = {bad.name: bad.read_text() for bad in tmp_path.iterdir()}
    assert kept == {
        "kept.json.bad": "first",
        "kept.json.bad-2": "second",
        "kept.json.bad-3": "third",
    }


def test_a_file_that_cannot_be_set_aside_is_left_and_said(tmp_path, monkeypatch):
    path = tmp_path / "kept.json"
    path.write_text("{")

    def refuse(_self, _target):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(path), "rename", refuse)
    value, problem = read_kept(path, decode)
    assert value is None
    assert "could not be set aside: Permission denied" in problem
    assert path.read_text() == "{"


def test_what_a_user_can_do_is_part_of_the_problem(tmp_path):
    def refuse(_data):
        raise UserError("It needs a package.", "Install it.")

    (tmp_path / "kept.json").write_text("{}")
    value, problem = read_kept(tmp_path / "kept.json", refuse)
    assert value is None
    assert problem.startswith("It needs a package. Install it. ")
