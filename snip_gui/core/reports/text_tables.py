"""Tables as CSV, Markdown and LaTeX."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass

from snip_gui.core.base.text import to_visible


@dataclass(frozen=True, slots=True)
class Table:
    """A table of text cells; every row has as many cells as there are headers."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "|": r"\textbar{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "—": "---",
    "…": r"\ldots{}",
    # At the start of a row they would be read as an argument of the preceding \\.
    "[": "{[}",
    "*": "{*}",
} | {sign: f"\\{sign}" for sign in "&%$#_{}"}

# Spreadsheets interpret cells that begin so as formulas, even with full-width signs.
_FORMULA = re.compile(r"\s*[=+\-@＝＋－＠]")


def to_csv(table: Table) -> str:
    """Return the table as CSV, quoted where needed, with no cell that reads as a formula."""
    text = io.StringIO()
    lines = [[_csv(cell) for cell in line] for line in (table.headers, *table.rows)]
    csv.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue()


def to_markdown(table: Table) -> str:
    """Return the table in GitHub's Markdown."""
    lines = [table.headers, ("---",) * len(table.headers), *table.rows]
    return "".join(f"| {' | '.join(markdown_text(cell) for cell in line)} |\n" for line in lines)


def to_latex(table: Table) -> str:
    """Return the table as a LaTeX tabular with booktabs rules."""
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


def to_text(table: Table) -> str:
    """Return the table in aligned columns, for a terminal; numbers are aligned to the right."""
    lines = [[to_visible(cell) for cell in line] for line in (table.headers, *table.rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(table.headers))]
    shown = []
    for line in lines:
        cells = [
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        shown.append("  ".join(cells).rstrip())
    return "\n".join(shown)


FORMATS = {"CSV": to_csv, "Markdown": to_markdown, "LaTeX": to_latex}


def _csv(cell: str) -> str:
    """Prefix would-be formulas with an apostrophe, which spreadsheets hide."""
    lines = "\n".join(to_visible(line) for line in cell.splitlines())
    return f"'{lines}" if _FORMULA.match(lines) and not _is_number(lines) else lines


def _is_number(cell: str) -> bool:
    try:
        float(cell.rstrip("% "))
    except ValueError:
        return False
    return True


def markdown_text(text: str) -> str:
    """Return text on one line, with what would end a cell or be read as markup escaped."""
    one_line = " ".join(to_visible(text).split())
    return re.sub(r"([\\|`*_<>\[\]&~$])", r"\\\1", one_line)


def _latex(cell: str) -> str:
    """Escape LaTeX's special characters."""
    return "".join(_LATEX.get(sign, sign) for sign in " ".join(to_visible(cell).split()))
