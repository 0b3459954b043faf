from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel

from snip_gui.session.state.selection import Selection

WAIT_MS = 90_000


@pytest.fixture
def view(started):
    window = started.window
    window.centre.setCurrentWidget(window.lazy.studies_page)
    window.lazy.studies.show_lesson()
    return window.lazy.studies.lesson


def title(view):
    return view.findChild(QLabel, "lesson_title").text()


def test_a_lecturer_steps_through_one_connection(view, started, qtbot):
    panel = started.window.lazy.studies
    assert view.isVisible()
    assert not panel.start.isVisible()
    assert not view.next.isEnabled()
    qtbot.mouseClick(view.begin, Qt.MouseButton.LeftButton)
    keeper = started.controller.studies.lesson
    qtbot.waitUntil(lambda: keeper.lesson.presence is not None, timeout=WAIT_MS)
    titles = [title(view)]
    while view.next.isEnabled():
        qtbot.mouseClick(view.next, Qt.MouseButton.LeftButton)
        titles.append(title(view))
        assert view.figure.picture is not None
    assert titles[0] == "One connection"
    assert titles[-1] == "Its exact removal"
    assert len(titles) == len(set(titles)) == 7
    assert view.findChild(QLabel, "lesson_place").text() == "7 of 7"
    text = view.findChild(QLabel, "lesson_text").text()
    assert f"{abs(keeper.lesson.presence.effect):.4e}" in text
    assert view.back.hasFocus()
    qtbot.keyClick(view.back, Qt.Key.Key_Left)
    assert title(view) == "The threshold"


def test_the_threshold_follows_the_slider(view, started, qtbot):
    view.choice.setCurrentIndex(view.choice.findData("threshold"))
    qtbot.mouseClick(view.begin, Qt.MouseButton.LeftButton)
    for _ in range(5):
        qtbot.mouseClick(view.next, Qt.MouseButton.LeftButton)
    text = view.findChild(QLabel, "lesson_text")
    assert "so it is kept" in text.text()
    started.controller.set_sparsity(0.99)
    assert "so it is removed" in text.text()


def test_the_selected_connection_is_followed_and_without_one_it_is_said(view, started, qtbot):
    status = started.controller.state.status
    view.choice.setCurrentIndex(view.choice.findText("Selected"))
    qtbot.mouseClick(view.begin, Qt.MouseButton.LeftButton)
    assert "No connection is selected" in str(status.problem)
    started.controller.selector.select(Selection("fc2.weight", unit=7, source=12))
    qtbot.mouseClick(view.begin, Qt.MouseButton.LeftButton)
    assert started.controller.studies.lesson.lesson.name == "fc2.weight[7, 12]"


def test_other_scores_end_the_lesson(view, started, qtbot):
    qtbot.mouseClick(view.begin, Qt.MouseButton.LeftButton)
    started.controller.set_field("seed", 5)
    started.controller.score()
    qtbot.waitUntil(lambda: started.controller.studies.lesson.lesson is None, timeout=WAIT_MS)
    assert title(view) == "A lesson"
    started.controller.studies.stop()
