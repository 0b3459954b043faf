"""Rules of the layout that no linter holds."""

from __future__ import annotations

import ast
from pathlib import Path

import snip_gui

PACKAGE = Path(snip_gui.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
MOST_MODULES, MOST_LINES = 12, 400


def test_no_folder_holds_more_modules_than_one_can_take_in():
    folders = {path.parent for path in MODULES}
    sizes = {f: sum(p.name != "__init__.py" for p in f.glob("*.py")) for f in folders}
    assert not {folder: size for folder, size in sizes.items() if size > MOST_MODULES}


def test_no_module_is_too_long():
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert not {path: length for path, length in lengths.items() if length > MOST_LINES}


def test_private_names_stay_in_their_module():
    imported = [
        f"{path.relative_to(PACKAGE)}: {node.module}.{alias.name}"
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.name.startswith("_") and not alias.name.startswith("__")
    ]
    assert not imported
