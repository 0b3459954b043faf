"""What runs take on disk, and slimming them, on the command line."""

from __future__ import annotations

import shutil

import pytest

from snip_gui.cli.main import main
from snip_gui.core.runs import folder as files

RUN = ["run", "--minibatch-size", "20", "--epochs", "1", "--device", "cpu", "--threads", "1"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "whole"
    assert main([*RUN, "--quiet", "--out", str(folder)]) == 0
    return folder


@pytest.fixture
def copied(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "copy")


def test_sizes_are_shown_and_nothing_is_removed_unasked(copied, capsys):
    before = sorted(path.name for path in copied.iterdir())
    capsys.readouterr()
    assert main(["slim", str(copied)]) == 0
    out = capsys.readouterr()
    assert out.out.splitlines()[0].split() == ["total", "scores", "optimizer", "timelines", "run"]
    assert "1.07 MB" in out.out
    assert "Nothing was removed" in out.err
    assert sorted(path.name for path in copied.iterdir()) == before


def test_named_parts_are_removed_and_the_run_is_still_verified(copied, capsys):
    assert main(["slim", str(copied), "--scores", "--optimizer"]) == 0
    assert "freed" in capsys.readouterr().out
    assert not (copied / files.SCORES).exists()
    assert main(["verify", str(copied)]) == 0


def test_a_folder_that_is_not_a_run_is_refused_before_anything_is_removed(copied, tmp_path, capsys):
    (tmp_path / "other").mkdir()
    assert main(["slim", str(copied), str(tmp_path / "other"), "--scores"]) == 1
    assert files.RECIPE in capsys.readouterr().err
    assert (copied / files.SCORES).exists()
