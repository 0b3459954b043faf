"""Messages, pages, docstrings and comments use the words of the glossary, and none it retires."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from itertools import groupby
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "snip_gui"
GLOSSARY = ROOT / "resources" / "docs" / "glossary.md"
TABLE = GLOSSARY.read_text(encoding="utf-8").partition("## Retired phrases")[2]
ROWS = re.findall(r"^\| (.+?) \| (.+?) \|$", TABLE, re.MULTILINE)[1:]
RETIRED = [phrase.strip() for retired, _ in ROWS for phrase in retired.split(", ")]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(GLOSSARY.parent.glob("*.md"))]
FOLDERS = [PACKAGE, *(path for path in sorted(PACKAGE.iterdir()) if path.is_dir())]
NEVER_RETIRED = "longer|more|such"  # “is no longer” and the like


def make_pattern(phrase):
    """Return what finds a phrase of whole words; “…” is any word, unless “there” comes first."""
    words = r"\s+".join(re.escape(word) for word in phrase.split())
    if phrase.endswith("…"):
        words = rf"(?<!there ){words[:-1]}(?!{NEVER_RETIRED}\b)\w+"
    return re.compile(rf"(?<!\w){words}(?!\w)", re.IGNORECASE)


PATTERNS = {phrase: make_pattern(phrase) for phrase in RETIRED}


def find_retired(text):
    return [phrase for phrase, pattern in PATTERNS.items() if pattern.search(text)]


def find_sources(folder):
    """Return the modules of a folder; of the package those that are in no folder."""
    return sorted(folder.glob("*.py") if folder == PACKAGE else folder.rglob("*.py"))


def split_strings(source):
    """Return strings that a person may see, and descriptions in docstrings.

    Single words in lower case are mostly names.
    """
    tree = ast.parse(source)
    # Docstrings, and the descriptions of constants and attributes.
    described = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    seen, docstrings = [], []
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if id(node) in described:
                docstrings.append((node.lineno, node.value))
            elif " " in node.value.strip() or node.value[:1].isupper():
                seen.append((node.lineno, node.value))
    return seen, docstrings


def read_comments(source):
    """Return comments with their lines; those on consecutive lines are one text."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    comments = [(t.start[0], t.string.lstrip("# ")) for t in tokens if t.type == tokenize.COMMENT]
    runs = groupby(enumerate(comments), key=lambda item: item[1][0] - item[0])
    blocks = ([comment for _, comment in run] for _, run in runs)
    return [(block[0][0], " ".join(text for _, text in block)) for block in blocks]


def find_in_folder(folder, read):
    return [
        (path.relative_to(PACKAGE).as_posix(), line, phrases)
        for path in find_sources(folder)
        for line, text in read(path.read_text(encoding="utf-8"))
        if (phrases := find_retired(text))
    ]


def read_notes(source):
    return [*split_strings(source)[1], *read_comments(source)]


def test_phrases_are_retired():
    assert {"take up", "mult.-acc.", "is no …"} <= set(RETIRED)
    assert find_retired("Runs that were Taken up here.") == ["taken up"]
    assert find_retired("one that\n    is no mask") == ["is no …"]
    assert find_retired("There is no mask, and it is no longer needed.") == []


@pytest.mark.parametrize("phrase", RETIRED)
def test_a_retired_phrase_is_found_wherever_it_is_written(phrase):
    first, *rest = phrase.replace("…", "mask").split()
    sentence = f"One {first} {' '.join(rest)}, and so on."
    wrapped = f"# One {first}\n# {' '.join(rest)}, and so on."
    source = (
        f'"""{sentence}"""\nX = 1\n"""{sentence}"""\n{wrapped}\n\ny = "{sentence}"  # {sentence}\n'
    )
    seen, docstrings = split_strings(source)
    found = [*seen, *docstrings, *read_comments(source)]
    assert [line for line, text in found if phrase in find_retired(text)] == [7, 1, 3, 4, 7]


def test_every_module_is_read():
    read = [path for folder in FOLDERS for path in find_sources(folder)]
    assert sorted(read) == sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_visible_strings_use_the_words_of_the_glossary(folder):
    assert find_in_folder(folder, lambda source: split_strings(source)[0]) == []


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_docstrings_and_comments_use_the_words_of_the_glossary(folder):
    assert find_in_folder(folder, read_notes) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_use_the_words_of_the_glossary(page):
    text = page.read_text(encoding="utf-8").partition("## Retired phrases")[0]
    assert find_retired(text) == []
