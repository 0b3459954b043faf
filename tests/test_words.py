"""What a person reads uses the words of the glossary, and none that it retires."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
GLOSSARY = ROOT / "resources" / "docs" / "glossary.md"
TABLE = GLOSSARY.read_text(encoding="utf-8").partition("## Retired phrases")[2]
ROWS = re.findall(r"^\| (.+?) \| (.+?) \|$", TABLE, re.MULTILINE)[1:]
RETIRED = [phrase.strip() for retired, _ in ROWS for phrase in retired.split(", ")]
SOURCES = sorted((ROOT / "snip_gui").rglob("*.py"))
PAGES = [ROOT / "README.md", *sorted((ROOT / "resources" / "docs").glob("*.md"))]


def read_strings(path):
    """Text in a module that a person may see: strings of several words that are not docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):  # the description of a constant
            docstrings.add(id(node.value))
    for node in ast.walk(tree):
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if is_text and " " in node.value.strip() and id(node) not in docstrings:
            yield node.lineno, node.value


def find_retired(text):
    return [p for p in RETIRED if re.search(rf"\b{re.escape(p)}(?!\w)", text, re.IGNORECASE)]


def test_phrases_are_retired():
    assert "take up" in RETIRED
    assert len(RETIRED) > 10
    assert find_retired("Runs that were Taken up here.") == ["taken up"]


@pytest.mark.parametrize("folder", ["cli", "core", "session", "ui"])
def test_visible_strings_use_the_words_of_the_glossary(folder):
    found = [
        (path.name, line, phrases)
        for path in SOURCES
        if folder in path.parts
        for line, text in read_strings(path)
        if (phrases := find_retired(text))
    ]
    assert not found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_use_the_words_of_the_glossary(page):
    text = page.read_text(encoding="utf-8").partition("## Retired phrases")[0]
    assert find_retired(text) == []
