"""Reports on answered studies: Markdown with pictures beside it, or a single page of HTML."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.files import write_error, write_text
from snip_gui.core.base.text import duration_text, to_visible
from snip_gui.core.reports.text_tables import Table, markdown_text, to_csv, to_markdown
from snip_gui.core.studies.figures.render import figure_svg, save_figure

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from snip_gui.core.studies.study import Answer

SUFFIXES = (".md", ".html")

_STYLE = """\
body { font: 15px/1.5 system-ui, sans-serif; max-width: 960px; margin: 2em auto; padding: 0 1em;
       color: #222831; background: #fff }
table { border-collapse: collapse; margin: 1em 0; font-size: 13px }
th, td { border: 1px solid #d6dbe2; padding: 3px 8px; text-align: left }
th { background: #f2f4f7 } svg { max-width: 100%; height: auto } .scroll { overflow-x: auto }
"""


@dataclass(frozen=True, slots=True)
class Section:
    """A study in a report.

    Attributes
    ----------
    name
        Name of the study, from which files are named.
    answer
        None if there is none.
    reason
        Why there is no answer.
    seconds
        How long it took; what had been computed before is not part of it.
    """

    name: str
    title: str
    question: str
    answer: Answer | None = None
    reason: str = ""
    seconds: float = 0.0

    @property
    def note(self) -> str:
        """The answer, or why there is none, as a sentence."""
        if self.answer is None:
            return f"Not answered: {self.reason}"
        return self.answer.sentence

    @property
    def tables(self) -> tuple[tuple[str, Table], ...]:
        """All tables with their titles, of which the first has none."""
        if self.answer is None:
            return ()
        return (("", self.answer.overview), *self.answer.parts)


@dataclass(frozen=True, slots=True)
class Report:
    """Studies, and what their results depend on.

    Attributes
    ----------
    facts
        What the results depend on, such as the network, by name.
    """

    title: str
    facts: Mapping[str, str]
    sections: Sequence[Section] = field(default=())

    @property
    def beside(self) -> Table | None:
        """Every result that others published too, beside ours; None if there is none."""
        rows = tuple(
            (section.title, one.what, one.paper or "none", one.reproduced or "none", one.ours)
            for section in self.sections
            if section.answer is not None
            for one in section.answer.beside
        )
        headers = ("study", "", "published", "reproduced by others", "ours")
        return Table(headers, rows) if rows else None


def find_folder(path: Path) -> Path:
    """Return the folder of a Markdown report's pictures and tables, which is beside it."""
    return path.with_name(f"{path.stem}-files")


def save_report(path: Path, report: Report) -> None:
    """Write a report in the format of the file extension.

    Markdown refers to pictures (PNG and SVG) and tables (CSV) in the folder of `find_folder`.

    Raises
    ------
    UserError
        If the extension is another, or a file cannot be written.
    """
    match path.suffix.lower():
        case ".html":
            write_text(path, to_html(report))
        case ".md":
            folder = find_folder(path)
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise write_error(folder, error) from error
            for section in report.sections:
                if section.answer is not None:
                    for suffix in (".png", ".svg"):
                        save_figure(folder / f"{section.name}{suffix}", section.answer.figure)
                    write_text(folder / f"{section.name}.csv", to_csv(section.answer.table))
            write_text(path, to_report_markdown(report, folder.name))
        case other:
            raise UserError(
                f"Reports cannot be saved as “{other}”.", f"Choose one of {', '.join(SUFFIXES)}."
            )


def to_report_markdown(report: Report, folder: str) -> str:
    """Return a report in Markdown that refers to the pictures in a folder."""
    facts = "\n".join(f"* {markdown_text(text)}" for text in _facts(report))
    parts = [f"# {markdown_text(report.title)}", facts]
    if report.beside is not None:
        parts += ["## Published, reproduced and ours", to_markdown(report.beside).rstrip()]
    for section in report.sections:
        parts += [f"## {section.title}", f"*{markdown_text(section.question)}*"]
        parts.append(markdown_text(section.note))
        if section.answer is not None:
            # Spaces would end the address.
            address = f"{folder}/{section.name}".replace(" ", "%20")
            parts.append(f"![{section.title}]({address}.png)")
        for title, table in section.tables:
            parts += [f"### {markdown_text(title)}"] if title else []
            parts.append(to_markdown(table).rstrip())
    return "\n\n".join(parts) + "\n"


def to_html(report: Report) -> str:
    """Return a report as a page that refers to nothing outside itself."""
    return "\n".join(_html_lines(report)) + "\n"


def _html_lines(report: Report) -> Iterator[str]:
    title = escape(to_visible(report.title))
    yield '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield f"<title>{title}</title>\n<style>\n{_STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>"
    yield "<ul>" + "".join(f"<li>{escape(text)}</li>" for text in _facts(report)) + "</ul>"
    if report.beside is not None:
        yield "<h2>Published, reproduced and ours</h2>"
        yield _html_table(report.beside)
    for section in report.sections:
        yield f"<h2>{escape(section.title)}</h2>"
        yield f"<p><em>{escape(to_visible(section.question))}</em></p>"
        yield f"<p>{escape(to_visible(section.note))}</p>"
        if section.answer is not None:
            yield figure_svg(section.answer.figure)
        for name, table in section.tables:
            if name:
                yield f"<h3>{escape(to_visible(name))}</h3>"
            yield _html_table(table)
    yield "</body>\n</html>"


def _html_table(table: Table) -> str:
    def cells(tag: str, texts: Sequence[str]) -> str:
        return "".join(f"<{tag}>{escape(to_visible(text))}</{tag}>" for text in texts)

    rows = "\n".join(f"<tr>{cells('td', row)}</tr>" for row in table.rows)
    head = f"<tr>{cells('th', table.headers)}</tr>"
    return f'<div class="scroll"><table>\n{head}\n{rows}\n</table></div>'


def _facts(report: Report) -> list[str]:
    """Return what the results depend on, and how long each study took."""
    lines = [to_visible(f"{name}: {value}") for name, value in report.facts.items()]
    times = [f"{s.title} {duration_text(s.seconds)}" for s in report.sections if s.answer]
    if times:
        lines.append(f"time, without what had been computed before: {', '.join(times)}")
    return lines
