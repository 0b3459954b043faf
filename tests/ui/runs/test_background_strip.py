from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtWidgets import QLabel, QMessageBox, QPushButton, QWidget

from snip_gui.core.engine.desk import Desk, Status
from snip_gui.core.engine.queues import QueueSeen, QueuesSeen
from snip_gui.ui.dialogs.runs.sweep_dialog import SweepDialog
from tests.ui.runs.test_runs_page import child, click

WAIT_MS = 60_000
STATUS = Status(num_done=3, total=14, seconds_left=200, running=("one: Training", "two: Scoring"))


@pytest.fixture
def background(application):
    """Runs in the background whose engine is on no desk."""
    application.window.views.show_runs()
    return application.controller.background


@pytest.fixture
def wait(qtbot):
    return lambda condition: qtbot.waitUntil(condition, timeout=WAIT_MS)


@pytest.fixture
def asked(background, monkeypatch):
    """What the engines are asked."""
    said = []
    monkeypatch.setattr(Desk, "ask_to_stop", lambda desk: said.append(("stop", desk.folder)))
    monkeypatch.setattr(Desk, "clear", lambda desk: said.append(("clear", desk.folder)))
    return said


def show(background, *, is_queue=True, status=STATUS):
    seen = QueueSeen(Desk(Path("desk")), status, is_queue)
    background._on_event(QueuesSeen(Path("runs"), (seen,)))


def test_the_progress_of_all_is_shown_and_the_buttons_stop_them(
    application, background, asked, qtbot, wait
):
    window = application.window
    text = child(window, QLabel, "background_text")
    assert not text.isVisible()
    show(background)
    wait(text.isVisible)
    assert text.text() == "In the background: 3 of 14 runs done, 2 running. About 3 min left."
    assert "one: Training" in text.toolTip()
    assert child(window, QLabel, "status_text").text().startswith("In the background: 3 of 14")
    assert child(window, QLabel, "status_time_left").text() == "3 min left"
    click(qtbot, child(window, QPushButton, "background_stop"))
    click(qtbot, child(window, QPushButton, "background_clear"))
    assert asked == [("stop", Path("desk")), ("clear", Path("desk"))]
    background._on_event(QueuesSeen(Path("runs"), ()))
    wait(lambda: not text.isVisible())
    assert child(window, QLabel, "status_text").text() == "Ready"


def test_a_sweep_of_the_command_line_cannot_be_stopped_here(application, background, wait):
    show(background, is_queue=False)
    wait(child(application.window, QLabel, "background_text").isVisible)
    assert not child(application.window, QWidget, "background_stop").isVisible()


@pytest.mark.parametrize(
    ("answer", "closes", "stops"),
    [
        (QMessageBox.StandardButton.Yes, True, False),
        (QMessageBox.StandardButton.No, True, True),
        (QMessageBox.StandardButton.Cancel, False, False),
    ],
)
def test_closing_asks_once_whether_they_continue(
    application, background, asked, monkeypatch, answer, closes, stops
):
    questions = []
    monkeypatch.setattr(
        QMessageBox, "question", lambda *words: (questions.append(words[2]), answer)[1]
    )
    show(background)
    application.window.close()
    assert len(questions) == 1
    assert application.window.isVisible() != closes
    assert (asked == [("stop", Path("desk"))]) == stops
    background._on_event(QueuesSeen(Path("runs"), ()))


def test_closing_does_not_ask_about_runs_of_the_command_line(application, background, monkeypatch):
    monkeypatch.setattr(QMessageBox, "question", pytest.fail)
    show(background, is_queue=False)
    application.window.close()
    assert not application.window.isVisible()
    background._on_event(QueuesSeen(Path("runs"), ()))


def test_a_sweep_of_several_at_once_goes_to_the_background(application, monkeypatch, qtbot):
    controller, started = application.controller, []
    monkeypatch.setattr(
        controller.background, "start", lambda recipes, number: started.append((recipes, number))
    )
    monkeypatch.setattr(controller.training_start, "start", lambda start, recipes: start(recipes))
    controller.prefer(num_at_once=3)
    application.window.actions_by_name["sweep"].trigger()
    dialog = child(application.window, SweepDialog, "sweep_dialog")
    assert dialog.at_once.value() == 3
    dialog.at_once.setValue(4)
    dialog.sparsities.setText("0, 90")
    click(qtbot, dialog.start)
    ((recipes, number),) = started
    assert [recipe.pruning.sparsity for recipe in recipes] == [0, 0.9]
    assert number == 4
    assert controller.state.preferences.num_at_once == 4


def test_one_of_many_is_stopped_from_a_menu(application, background, qtbot, wait, monkeypatch):
    said = []
    monkeypatch.setattr(
        "snip_gui.session.runs.background.stop_item", lambda _folder, name: said.append(name)
    )
    numbers = {"mnist_a": 4, "two": 5}
    status = Status(num_done=3, total=14, running=("mnist_a: Training", "two: "), numbers=numbers)
    show(background, status=status)
    button = child(application.window, QPushButton, "background_stop_one")
    wait(button.isVisible)
    button.menu().aboutToShow.emit()
    assert [action.data() for action in button.menu().actions()] == ["mnist_a", "two"]
    button.menu().actions()[0].trigger()
    assert said == ["mnist_a"]
