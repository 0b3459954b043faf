"""Packages that add entries, for tests: the one that the documents show, and stand-ins for one."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import types
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from snip_gui.core.base.registry import Plugin, Registry, Unusable, _Entries

PAGE = Path(__file__).parents[2] / "resources" / "docs" / "extending.md"
PLUGIN = Plugin("snip-power", "1.2")
GROUPS = {
    "methods": {"power": "snip_power:POWER", "gradual": "snip_power.entries:GRADUAL"},
    "networks": {"tiny": "snip_power.entries:NETWORK"},
    "datasets": {"noise": "snip_power.entries:DATASET"},
    "exports": {"npz": "snip_power.entries:FORMAT"},
}


def page_files() -> dict[str, str]:
    """Return the files of the package that the page shows; parts of the same file are joined."""
    page = PAGE.read_text(encoding="utf-8")
    files = {"pyproject.toml": "".join(re.findall(r"```toml\n(.*?)```", page, re.DOTALL))}
    for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        path = block.splitlines()[0].removeprefix("# ")
        files[path] = files.get(path, "") + block
    # The page says so in a sentence.
    line = 'power = "snip_power:POWER"\n'
    files["pyproject.toml"] = files["pyproject.toml"].replace(
        line, f'{line}gradual = "snip_power.entries:GRADUAL"\n'
    )
    return files


def install(folder: Path) -> Path:
    """Install the package of the page with pip; return the folder to import it from."""
    for name, text in page_files().items():
        (folder / "project" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "project" / name).write_text(text, encoding="utf-8")
    words = ["install", "-q", "--no-deps", "--no-index", "--no-build-isolation", "--target"]
    site = folder / "site"
    command = [sys.executable, "-m", "pip", *words, str(site), str(folder / "project")]
    subprocess.run(command, check=True)
    return site


def lay_out(
    site: Path,
    *,
    files: dict[str, str] | None = None,
    groups: dict[str, dict[str, str]] = GROUPS,
    version: str = "1.2",
) -> Path:
    """Write the package as pip would install it, with some files replaced."""
    for name, text in (page_files() | (files or {})).items():
        if name.endswith(".py"):
            (site / name).parent.mkdir(parents=True, exist_ok=True)
            (site / name).write_text(text, encoding="utf-8")
    info = site / f"snip_power-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: snip-power\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(
        "\n".join(
            f"[snip_gui.{group}]\n" + "".join(f"{name} = {at}\n" for name, at in points.items())
            for group, points in groups.items()
        )
    )
    return site


def call_with(
    site: Path | None, words: list[str], cwd: Path, **keywords: Any
) -> subprocess.CompletedProcess[str]:
    """Run Python with the packages of a folder importable."""
    usual = os.environ.get("PYTHONPATH", os.getcwd())
    path = os.pathsep.join(filter(None, [str(site or ""), usual]))
    environment = os.environ | {"PYTHONPATH": path}
    command = [sys.executable, *words]
    return subprocess.run(
        command, capture_output=True, text=True, cwd=cwd, env=environment, **keywords
    )


class _Distribution(NamedTuple):
    name: str
    version: str


_DISTRIBUTION = _Distribution(PLUGIN.package, PLUGIN.version)


@dataclass
class StubPoint:
    """An entry point of a package that is not installed."""

    name: str
    entry: object
    value: str = "snip_power:ENTRY"
    dist: _Distribution = _DISTRIBUTION

    def load(self) -> object:
        if isinstance(self.entry, BaseException):
            raise self.entry
        return self.entry


def add_entry(monkeypatch: Any, registry: Registry[Any], entry: Any) -> None:
    """Add an entry to a registry, or replace one, as one of the package."""
    entries = registry._all
    changed = _Entries(
        entries.by_name | {entry.name: entry}, entries.plugins | {entry.name: PLUGIN}
    )
    monkeypatch.setitem(vars(registry), "_all", changed)


def break_entry(monkeypatch: Any, registry: Registry[Any], name: str, reason: str) -> None:
    """Make an entry one of the package that cannot be used."""
    entries = registry._all
    others = {known: entry for known, entry in entries.by_name.items() if known != name}
    changed = _Entries(others, entries.plugins, [Unusable(PLUGIN, registry._kind, name, reason)])
    monkeypatch.setitem(vars(registry), "_all", changed)


def add_module(monkeypatch: Any, name: str, **contents: object) -> None:
    """Make a module importable."""
    module = types.ModuleType(name)
    vars(module).update(contents)
    monkeypatch.setitem(sys.modules, name, module)
