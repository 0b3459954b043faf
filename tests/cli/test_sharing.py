"""Verifying and sharing runs on the command line."""

from __future__ import annotations

import shutil

import pytest
from safetensors.torch import load_file, save_file

from snip_gui.cli.main import main
from snip_gui.core.runs import folder as files

RUN = ["run", "--minibatch-size", "20", "--device", "cpu", "--threads", "1", "--quiet"]


@pytest.fixture(scope="module")
def pruned(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "pruned"
    assert main([*RUN, "--out", str(folder), "--stop-after", "prune"]) == 0
    return folder


def test_a_run_is_verified_and_a_changed_one_ends_with_status_1(pruned, tmp_path, capsys):
    capsys.readouterr()
    assert main(["verify", str(pruned)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["initial", "minibatch", "mask"]
    assert all(line.endswith("equal bit for bit") for line in lines)
    changed = shutil.copytree(pruned, tmp_path / "changed")
    masks = load_file(changed / files.MASKS)
    masks["fc3.bias"][:2] = 1 - masks["fc3.bias"][:2]
    save_file(masks, changed / files.MASKS)
    assert main(["verify", str(changed)]) == 1
    assert capsys.readouterr().out.splitlines()[-1].endswith("2 differ")


def test_a_run_is_bundled_and_unbundled(pruned, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("SNIP_GUI_RUNS", str(tmp_path / "runs"))
    path = tmp_path / "eights.zip"
    assert main(["bundle", str(pruned), "--out", str(path)]) == 0
    assert main(["bundle", str(pruned), "--out", str(path)]) == 1
    assert "there already" in capsys.readouterr().err
    assert main(["bundle", str(pruned), "--out", str(path), "--overwrite"]) == 0
    capsys.readouterr()
    assert main(["unbundle", str(path)]) == 0
    folder = tmp_path / "runs" / "eights"
    assert capsys.readouterr().out.strip() == str(folder)
    assert main(["verify", str(folder)]) == 0
    assert main(["unbundle", str(path)]) == 1
    assert "there already" in capsys.readouterr().err
