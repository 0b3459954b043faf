"""The recipe for conda says the same as the metadata of the wheel."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import snip_gui

ROOT = Path(__file__).parents[1]
# Names that differ between the two; the window's Qt comes in one package there.
NAMES = {"torch": "pytorch", "Pillow": "pillow", "PySide6-Essentials": "pyside6"}


def by_name(requirements):
    found = {}
    for one in requirements:
        name, bounds = re.match(r"([A-Za-z0-9_-]+)\s*([^;]*)", one).groups()
        found.setdefault(NAMES.get(name, name), set()).add(frozenset(bounds.strip().split(",")))
    return found


def test_the_conda_recipe_has_the_requirements_of_the_wheel():
    yaml = pytest.importorskip("yaml")
    recipe = yaml.safe_load((ROOT / "resources" / "packaging" / "recipe.yaml").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    python, *run = recipe["requirements"]["run"]
    assert python == "python >=${{ python_min }}"
    assert f">={recipe['context']['python_min']}" == project["requires-python"]
    there, here = by_name(run), by_name(project["dependencies"])
    assert there.keys() == here.keys()
    # Qt has bounds for each version of Python; the package for all has the stricter ones.
    assert all(there[name] <= here[name] for name in there)
    assert recipe["context"]["version"] == snip_gui.__version__
    ((command, target),) = project["scripts"].items()
    assert recipe["build"]["python"]["entry_points"] == [f"{command} = {target}"]
