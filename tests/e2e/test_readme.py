"""What the README says can be done."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from snip_gui.cli import main as cli

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_a_run_is_checked_with_torch_alone(tmp_path):
    words = [sys.executable, "-m", "snip_gui", "run", "--classes", "8", "--sparsity", "0.98"]
    subprocess.run([*words, "--epochs", "1", "--quiet", "--out", "RUN"], cwd=tmp_path, check=True)
    (code,) = (block for block in PYTHON if "RUN/" in block)
    done = subprocess.run(
        [sys.executable, "-c", code + "\nimport sys\nassert 'snip_gui' not in sys.modules"],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_the_network_it_shows_runs(tmp_path):
    (code,) = (block for block in PYTHON if "class Net" in block)
    (tmp_path / "net.py").write_text(code)
    words = ["run", "--model-file", "net.py", "--model-symbol", "Net", "--epochs", "1", "--quiet"]
    done = subprocess.run(
        [sys.executable, "-m", "snip_gui", *words, "--out", "RUN"],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "hidden" in done.stdout
    assert (tmp_path / "RUN" / "network.py").read_text() == code


def test_the_notebook_example_runs(tmp_path):
    (code,) = (block for block in PYTHON if "snip_gui.core.api" in block)
    assert len(code.splitlines()) <= 12
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    kept = eval(done.stdout)
    assert sum(kept.values()) == round(0.05 * (784 * 300 + 300 + 300 * 10 + 10))


def test_every_command_it_names_is_understood():
    block = re.search(r"## Without the window\n\n```sh\n(.*?)```", README, re.DOTALL)
    assert block is not None
    lines = block[1].replace("\\\n", " ").splitlines()
    assert len(lines) == 10
    for line in lines:
        words = line.partition("#")[0].split()
        assert words[0] == "snip-gui"
        cli.make_parser().parse_args(words[1:])


@pytest.mark.parametrize("name", re.findall(r"\((resources/[^)]+)\)", README))
def test_its_pictures_are_there(name):
    assert (Path(__file__).parents[2] / name).stat().st_size > 10_000
