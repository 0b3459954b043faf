"""A run travels as one file, and nothing but a run comes out of it."""

from __future__ import annotations

import json
import os
import zipfile

import pytest

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.errors import Cancelled, UserError
from snip_gui.core.runs import folder as files
from snip_gui.core.sharing.bundle import MANIFEST, Bundled, read_bundle, read_manifest, write_bundle


def bundle(folder, path):
    return list(write_bundle(folder, path, CancelToken()))[-1]


def unbundle(path, folder):
    return list(read_bundle(path, folder, CancelToken()))[-1]


def contents(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def rewrite(path, change):
    """Write a bundle anew after changing its members."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(members[MANIFEST])
    change(members, manifest)
    if MANIFEST in members:
        members[MANIFEST] = json.dumps(manifest).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)


def test_a_run_comes_out_as_it_went_in(whole, tmp_path):
    written = bundle(whole, tmp_path / "run.zip")
    read = unbundle(tmp_path / "run.zip", tmp_path / "elsewhere" / "run")
    assert isinstance(written, Bundled)
    assert read.path == tmp_path / "elsewhere" / "run"
    runs_files = {name for name in contents(whole) if name.name in files.ALL_FILES}
    assert contents(read.path) == {name: (whole / name).read_bytes() for name in runs_files}
    assert written.num_files == read.num_files == len(runs_files)


def test_what_is_not_of_the_run_stays_at_home(copied, tmp_path):
    (copied / "diary.txt").write_text("private")
    (copied / files.IMAGES).mkdir()
    (copied / files.IMAGES / f"{'0a' * 16}.png").write_bytes(b"a picture")
    (copied / files.IMAGES / "holiday.png").write_bytes(b"another")
    bundle(copied, tmp_path / "run.zip")
    found = read_manifest(tmp_path / "run.zip").files
    assert f"images/{'0a' * 16}.png" in found
    assert not {"diary.txt", "images/holiday.png"} & found.keys()


def test_equal_runs_give_equal_bundles(whole, tmp_path):
    bundle(whole, tmp_path / "one.zip")
    bundle(whole, tmp_path / "two.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


@pytest.mark.skipif(os.name == "nt", reason="needs symbolic links and FIFOs")
@pytest.mark.parametrize("make", ["link", "fifo"])
def test_a_link_or_fifo_in_a_run_is_not_read(copied, tmp_path, make):
    secret = tmp_path / "secret"
    secret.write_text("private")
    (copied / files.CURVES).unlink()
    if make == "link":
        (copied / files.CURVES).symlink_to(secret)
    else:
        os.mkfifo(copied / files.CURVES)
    with pytest.raises(UserError, match=r"curves\.png"):
        bundle(copied, tmp_path / "run.zip")
    assert not (tmp_path / "run.zip").exists()


def drop(members, _manifest):
    del members[MANIFEST]


def change_byte(members, _manifest):
    name = files.MASKS
    members[name] = members[name][:-1] + bytes([members[name][-1] ^ 1])


def add_outside(members, manifest):
    members["../evil.txt"] = b"evil"
    manifest["files"]["../evil.txt"] = {"num_bytes": 4, "sha256": "0" * 64}


def add_code(members, manifest):
    members["sitecustomize.py"] = b"evil"
    manifest["files"]["sitecustomize.py"] = {"num_bytes": 4, "sha256": "0" * 64}


def list_missing(_members, manifest):
    manifest["files"][files.NETWORK] = {"num_bytes": 4, "sha256": "0" * 64}


def list_larger(_members, manifest):
    manifest["files"][files.MASKS]["num_bytes"] += 1


def list_negative(_members, manifest):
    manifest["files"][files.MASKS]["num_bytes"] = -1


def spoil_manifest(_members, manifest):
    manifest["files"] = 5


def leave_out_recipe(members, manifest):
    del members[files.RECIPE], manifest["files"][files.RECIPE]


def from_the_future(_members, manifest):
    manifest["format"] = 2


@pytest.mark.parametrize(
    "change",
    [drop, change_byte, add_outside, add_code, list_missing, list_larger, list_negative,
     spoil_manifest, leave_out_recipe, from_the_future],
)  # fmt: skip
def test_a_bundle_that_was_tampered_with_is_refused_and_nothing_is_left(whole, tmp_path, change):
    path, folder = tmp_path / "run.zip", tmp_path / "out" / "run"
    bundle(whole, path)
    rewrite(path, change)
    with pytest.raises(UserError):
        unbundle(path, folder)
    assert not list((tmp_path / "out").glob("*")) if folder.parent.exists() else True
    assert {p.name for p in tmp_path.iterdir()} <= {"run.zip", "out"}


@pytest.mark.parametrize("data", [b"", b"no archive", b"PK\x05\x06" + b"\x00" * 18])
def test_other_files_are_no_bundles(tmp_path, data):
    path = tmp_path / "run.zip"
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"cannot be read|not a bundle"):
        unbundle(path, tmp_path / "run")


def test_a_folder_that_exists_is_not_touched(whole, tmp_path):
    bundle(whole, tmp_path / "run.zip")
    (tmp_path / "mine").mkdir()
    with pytest.raises(UserError, match="there already"):
        unbundle(tmp_path / "run.zip", tmp_path / "mine")
    assert not list((tmp_path / "mine").iterdir())


def test_cancelling_leaves_nothing(whole, tmp_path):
    cancel = CancelToken()
    steps = write_bundle(whole, tmp_path / "run.zip", cancel)
    next(steps)
    cancel.cancel()
    with pytest.raises(Cancelled):
        list(steps)
    assert not list(tmp_path.iterdir())
    bundle(whole, tmp_path / "run.zip")
    steps = read_bundle(tmp_path / "run.zip", tmp_path / "run", cancel)
    with pytest.raises(Cancelled):
        list(steps)
    assert [path.name for path in tmp_path.iterdir()] == ["run.zip"]


def test_a_folder_without_a_run_is_not_bundled(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="cannot be read"):
        bundle(tmp_path / "empty", tmp_path / "run.zip")
