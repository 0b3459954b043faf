from __future__ import annotations

import csv

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QLabel, QPushButton

from snip_gui.core.studies.overlaps.overlap import WHOLE

WAIT_MS = 90_000


@pytest.fixture
def panel(started, qtbot):
    started.controller.set_field("minibatch.size", 10)
    window = started.window
    window.centre.setCurrentWidget(window.lazy.studies_page)
    return window.lazy.studies


def run(panel, started, qtbot):
    qtbot.mouseClick(panel.start, Qt.MouseButton.LeftButton)
    assert panel.start.text() == "Stop"
    qtbot.waitUntil(lambda: not started.controller.studies.is_running, timeout=WAIT_MS)


def test_an_overlap_study_is_answered_drawn_exported_and_opened(
    panel, started, qtbot, monkeypatch, tmp_path
):
    assert "more than chance" in panel.findChild(QLabel, "study_question").text()
    assert not panel.export.isEnabled()
    panel.values.setText("#3, #8")
    panel.seeds.setText("0-1")
    run(panel, started, qtbot)
    answer = started.controller.studies.done.answer
    assert panel.sentence.text() == answer.sentence
    assert "expected by chance" in panel.sentence.text()
    assert panel.matrix.cell_text(1, 0) == (
        f"#8 and #3: {answer.find(WHOLE, '#3', '#8').mean:.1%} overlap"
    )
    panel.layer.setCurrentText("fc3")
    assert f"{answer.find('fc3', '#3', '#8').mean:.1%}" in panel.matrix.cell_text(1, 0)

    path = tmp_path / "study.csv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_words: (str(path), ""))
    qtbot.mouseClick(panel.findChild(QPushButton, "study_export"), Qt.MouseButton.LeftButton)
    with path.open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 3 * 4

    cell = panel.matrix.cell_centre(1, 0).toPoint()
    qtbot.mouseClick(panel.matrix, Qt.MouseButton.LeftButton, pos=cell)
    pins = started.controller.pins
    qtbot.waitUntil(lambda: len(pins.pins) == 2, timeout=WAIT_MS)
    assert [pins.pin_name(number) for number in pins.choice] == ["#8, seed 0", "#3, seed 0"]
    assert started.window.centre.currentWidget() is started.window.comparing.page


def test_each_image_is_left_out_and_pins_are_compared(panel, started, qtbot):
    started.controller.set_field("minibatch.size", 4)
    panel.study.setCurrentIndex(panel.study.findData("leave-one-out"))
    assert not panel.seeds.isVisible()
    run(panel, started, qtbot)
    assert panel.figure.isVisible()
    assert panel.figure.accessibleDescription() == panel.sentence.text()
    panel.view.setCurrentText("All numbers")
    assert panel.table.isVisible()
    assert panel.table.rowCount() == 4
    assert "moves the mask most" in panel.sentence.text()
    panel.study.setCurrentIndex(panel.study.findData("overlap"))
    panel.groups.setCurrentIndex(panel.groups.findText("Pins"))
    qtbot.mouseClick(panel.start, Qt.MouseButton.LeftButton)
    assert "Nothing is pinned" in started.controller.state.status.problem.message


@pytest.mark.parametrize(
    ("seeds", "values", "problem"),
    [("x", "", "is not a seed"), ("0", "#3, #3", "called"), ("0-999", "", "10,000 masks")],
)
def test_what_cannot_be_is_said_in_place(panel, started, qtbot, seeds, values, problem):
    panel.seeds.setText(seeds)
    panel.values.setText(values)
    qtbot.mouseClick(panel.start, Qt.MouseButton.LeftButton)
    status = started.controller.state.status
    qtbot.waitUntil(lambda: status.problem is not None, timeout=WAIT_MS)
    assert problem in str(status.problem)
    qtbot.waitUntil(lambda: not started.controller.studies.is_running, timeout=WAIT_MS)


def test_a_figure_fills_in_and_is_exported_in_every_format(
    panel, started, qtbot, monkeypatch, tmp_path
):
    studies, seen = started.controller.studies, []
    studies.changed.connect(lambda: seen.append(panel.sentence.text()))
    panel.study.setCurrentIndex(panel.study.findData("conservation"))
    panel.seeds.setText("0-2")
    run(panel, started, qtbot)
    assert any(text.startswith("After 1 of 3 measurements:") for text in seen)
    assert panel.sentence.text() == studies.done.answer.sentence
    for shown in ("Overview", "All numbers"):
        panel.view.setCurrentText(shown)
        table = {"Overview": "overview", "All numbers": "table"}[shown]
        assert panel.table.rowCount() == len(getattr(studies.done.answer, table).rows)
    names = {"a.png": "a.png", "b.svg": "b.svg", "c.html": "c.html", "r.zip": "r.zip", "d": "d.csv"}
    for name, written in names.items():
        chosen = "All numbers (*.csv)" if name == "d" else ""
        path = str(tmp_path / name)
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, p=path, c=chosen: (p, c))
        qtbot.mouseClick(panel.export, Qt.MouseButton.LeftButton)
        assert (tmp_path / written).stat().st_size > 100
    assert "<svg" in (tmp_path / "c.html").read_text("utf-8")


def test_another_study_does_not_show_the_answer_of_the_last(panel, started, qtbot):
    panel.study.setCurrentIndex(panel.study.findData("conservation"))
    panel.seeds.setText("0")
    run(panel, started, qtbot)
    assert panel.figure.isVisible()
    panel.study.setCurrentIndex(panel.study.findData("table-2"))
    assert "GPU" in panel.findChild(QLabel, "study_question").text()
    panel.study.setCurrentIndex(panel.study.findData("stability"))
    qtbot.mouseClick(panel.start, Qt.MouseButton.LeftButton)
    assert not panel.figure.isVisible()
    assert not panel.export.isEnabled()
    qtbot.waitUntil(lambda: not started.controller.studies.is_running, timeout=WAIT_MS)
