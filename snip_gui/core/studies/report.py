"""Answers of studies as a Markdown report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snip_gui.core.base.text import to_visible
from snip_gui.core.reports.text_tables import to_markdown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from snip_gui.core.studies.study import Answer


def study_section(title: str, question: str, answer: Answer) -> str:
    """Return a section with the answer, its tables, and how many results are missing."""
    parts = [f"## {title}", f"*{to_visible(question)}*", to_visible(answer.sentence)]
    parts.append(to_markdown(answer.overview).rstrip())
    for name, table in answer.parts:
        parts += [f"### {name}", to_markdown(table).rstrip()]
    return "\n\n".join(parts) + "\n"


def skipped_section(title: str, question: str, reason: str) -> str:
    """Return a section for a study that has no answer."""
    return f"## {title}\n\n*{to_visible(question)}*\n\nNot answered: {to_visible(reason)}\n"


def make_report(title: str, facts: Mapping[str, str], sections: Sequence[str]) -> str:
    """Return a whole report.

    Parameters
    ----------
    facts
        What the results depend on, such as the machine, by name.
    """
    lines = [f"* {name}: {to_visible(value)}" for name, value in facts.items()]
    return "\n".join([f"# {title}\n", *lines, "", *sections])
