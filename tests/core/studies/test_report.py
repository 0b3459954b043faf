"""Reports: everything of each study, for others to read, with no name taken for markup."""

from __future__ import annotations

import csv
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from snip_gui.core.base.errors import UserError
from snip_gui.core.reports.text_tables import Table
from snip_gui.core.studies.figures.figure import Chart, Series
from snip_gui.core.studies.report import Report, Section, save_report
from snip_gui.core.studies.study import Answer, Beside

EVIL = '<img src="x">|*a*'


class Made(Answer):
    sentence = f"{EVIL} is best."
    overview = Table(("", "error"), ((EVIL, "1%"),))
    parts = (("Of each layer", Table(("layer",), (("fc1",),))),)
    table = Table(("arm", "error"), ((EVIL, "0.01"),))
    figure = Chart(EVIL, "x", "y", (Series(EVIL, (1,), (1,)),))
    beside = (Beside("95% removed", "1.8%", "1.6%", ""),)


REPORT = Report(
    "Studies",
    {"network": EVIL},
    (
        Section("table-1", "Table 1", "Is it so?", Made(), seconds=90),
        Section("table-2", "Table 2", "And that?", reason=f"No {EVIL}."),
    ),
)


class Seen(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.texts = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.texts.append(data)


def test_html_is_one_file_with_everything_and_no_markup_of_others(tmp_path):
    save_report(tmp_path / "report.html", REPORT)
    (file,) = tmp_path.iterdir()
    seen = Seen(file.read_text("utf-8"))
    tags = [tag for tag, _ in seen.tags]
    assert "img" not in tags
    assert not {"link", "script", "iframe"} & set(tags)
    assert tags.count("svg") == 1
    assert tags.count("table") == 3
    whole = " ".join(seen.texts)
    for text in (Made.sentence, "Of each layer", "1.6%", f"Not answered: No {EVIL}."):
        assert text in whole
    assert "Table 1 2 min" in whole


def test_markdown_has_its_figures_and_tables_beside_it(tmp_path):
    save_report(tmp_path / "my report.md", REPORT)
    folder = tmp_path / "my report-files"
    assert {path.name for path in folder.iterdir()} == {
        "table-1.png", "table-1.svg", "table-1.csv"
    }  # fmt: skip
    ElementTree.parse(folder / "table-1.svg")
    with (folder / "table-1.csv").open(newline="") as opened:
        assert next(csv.DictReader(opened)) == {"arm": EVIL, "error": "0.01"}
    text = (tmp_path / "my report.md").read_text("utf-8")
    assert "![Table 1](my%20report-files/table-1.png)" in text
    assert "<img" not in text.replace("\\<", "")
    assert "| Table 1 | 95% removed | 1.6% | none | 1.8% |" in text


def test_other_extensions_are_refused(tmp_path):
    with pytest.raises(UserError, match="docx"):
        save_report(tmp_path / "report.docx", REPORT)


def test_without_published_results_there_is_no_such_table():
    assert Report("r", {}, (REPORT.sections[1],)).beside is None
    assert REPORT.beside.headers[2:] == ("published", "reproduced by others", "ours")
