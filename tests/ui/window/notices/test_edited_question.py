from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox

from snip_gui.core.runs.folder import read_summary
from snip_gui.core.runs.placing import run_digest
from tests.run_folders import make_run, recipe_with


@pytest.fixture
def asked(application, tmp_path, monkeypatch):
    """A run whose recipe was edited, and what was resumed."""
    controller = application.controller
    digest = run_digest(recipe_with(seed=1))
    folder = make_run(
        tmp_path, "<h1>run</h1>", recipe_with(), state="stopped", recipe_digest=digest
    )
    begun = []
    monkeypatch.setattr(controller.trainings, "_begin", lambda *work: begun.append(work[1]))
    controller.resume_run(folder)
    return application.window.findChild(QMessageBox, "edited_question"), folder, begun


def button(box, role):
    (found,) = [one for one in box.buttons() if box.buttonRole(one) == role]
    return found


def test_an_edited_run_is_resumed_when_that_is_confirmed(asked, qtbot):
    box, folder, begun = asked
    assert "was edited" in box.text()
    assert box.textFormat() == Qt.TextFormat.PlainText
    assert begun == []
    qtbot.mouseClick(button(box, QMessageBox.ButtonRole.AcceptRole), Qt.MouseButton.LeftButton)
    assert begun == [folder]
    assert read_summary(folder).state == "stopped"


def test_nothing_is_resumed_otherwise(asked, qtbot):
    box, _, begun = asked
    assert box.defaultButton() is button(box, QMessageBox.ButtonRole.RejectRole)
    qtbot.mouseClick(box.defaultButton(), Qt.MouseButton.LeftButton)
    assert begun == []


def test_what_was_not_edited_is_resumed_at_once(application, tmp_path, monkeypatch):
    controller = application.controller
    begun = []
    monkeypatch.setattr(controller.trainings, "_begin", lambda *work: begun.append(work[1]))
    recipe = recipe_with()
    for name, digest in (("new", run_digest(recipe)), ("older", "")):
        folder = make_run(tmp_path, name, recipe, state="stopped", recipe_digest=digest)
        controller.resume_run(folder)
        assert begun.pop() == folder
    assert application.window.findChild(QMessageBox, "edited_question") is None
