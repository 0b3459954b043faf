"""Tables as text: CSV, Markdown and LaTeX."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Table:
    """Texts in columns; every row has as many as there are headers."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "—": "---",
    "…": r"\ldots{}",
} | {sign: f"\\{sign}" for sign in "&%$#_{}"}


def to_csv(table: Table) -> str:
    """Return the table as CSV, quoted where needed."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([table.headers, *table.rows])
    return text.getvalue()


def to_markdown(table: Table) -> str:
    """Return the table in GitHub's Markdown."""
    lines = [table.headers, ("---",) * len(table.headers), *table.rows]
    return "".join(f"| {' | '.join(_markdown(cell) for cell in line)} |\n" for line in lines)


def to_latex(table: Table) -> str:
    """Return the table as a LaTeX tabular for the package booktabs."""
    body = [" & ".join(_latex(cell) for cell in row) + r" \\" for row in table.rows]
    lines = [
        r"\begin{tabular}{" + "l" * len(table.headers) + "}",
        r"\toprule",
        " & ".join(_latex(header) for header in table.headers) + r" \\",
        r"\midrule",
        *body,
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join(lines) + "\n"


FORMATS = {"CSV": to_csv, "Markdown": to_markdown, "LaTeX": to_latex}


def _markdown(cell: str) -> str:
    """Escape what would end a cell or mark text."""
    one_line = " ".join(cell.split())
    return re.sub(r"([\\|`*_<>\[\]])", r"\\\1", one_line)


def _latex(cell: str) -> str:
    """Escape what LaTeX takes for commands."""
    return "".join(_LATEX.get(sign, sign) for sign in " ".join(cell.split()))
