"""What the README and the documents say can be done."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from snip_gui.cli import main as cli
from snip_gui.core.base.resources import resource
from tests.core.plugins import GROUPS, page_files

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "resources" / "docs").glob("*.md"))]
TEXTS = {page: page.read_text(encoding="utf-8") for page in PAGES}
PYTHON = re.findall(r"```python\n(.*?)```", "\n".join(TEXTS.values()), re.DOTALL)
LINKS = [(p, link) for p, text in TEXTS.items() for link in re.findall(r"\]\(([^)#]+)", text)]


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
    text = "\n".join(TEXTS.values())
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    lines = [line for line in lines if line.startswith("snip-gui")]
    commands = [shlex.split(line, comments=True) for line in lines]
    assert len(commands) >= 13
    for words in commands:
        cli.make_parser().parse_args(words[1:])


@pytest.mark.parametrize(("page", "link"), LINKS, ids=lambda value: Path(str(value)).name)
def test_every_link_leads_somewhere(page, link):
    if not link.startswith("https://"):
        assert (page.parent / link).resolve().is_file(), f"{page.name}: {link}"


def test_the_readme_is_short_and_the_documents_are_resources():
    assert len(TEXTS[ROOT / "README.md"].splitlines()) <= 120
    names = {page.name for page in PAGES}
    assert {"tour.md", "numbers.md", "glossary.md", "extending.md", "architecture.md"} <= names
    assert resource("docs", "tour.md").is_file()


def test_the_picture_of_the_folders_is_the_contract():
    contract = re.search(
        r'containers = \["snip_gui\.core"\]\nlayers = \[(.*?)\]',
        (ROOT / "pyproject.toml").read_text(encoding="utf-8"),
        re.DOTALL,
    )
    assert contract is not None
    rows = re.findall(r'"(.*?)"', contract[1])
    page = TEXTS[ROOT / "resources" / "docs" / "architecture.md"]
    drawn = [line.strip() for line in page.splitlines() if line.startswith("    ")]
    assert drawn == rows
    folders = {
        p.name for p in (ROOT / "snip_gui" / "core").iterdir() if (p / "__init__.py").exists()
    }
    assert folders <= {name.strip() for row in rows for name in row.split("|")}


def test_the_page_on_extending_shows_a_package_of_short_modules():
    files = page_files()
    assert {path.partition("/")[0] for path in files} == {"snip_power", "pyproject.toml"}
    assert len(files["snip_power/work.py"].splitlines()) <= 20
    for group, points in GROUPS.items():
        table = tomllib.loads(files["pyproject.toml"])["project"]["entry-points"]
        assert table[f"snip_gui.{group}"] == points
