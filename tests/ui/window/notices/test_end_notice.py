"""What is said when a training ends while nobody looks."""

from __future__ import annotations

import dataclasses

import pytest

from snip_gui.core.recipe.recipe import Recipe
from snip_gui.session.state.values import TrainingState
from snip_gui.ui.window.notices import end_notice
from snip_gui.ui.window.notices.end_notice import EndNotice


@pytest.fixture
def said(application, monkeypatch):
    """What is said from now on, with the window out of sight."""
    texts = []
    monkeypatch.setattr(end_notice, "is_watched", lambda: False)
    notice = application.window.findChild(EndNotice)
    monkeypatch.setattr(notice, "show_message", texts.append)
    return texts


def end(application, qapp, phase):
    state = application.controller.state
    training = TrainingState(Recipe(), "running")
    state.set_training(training)
    state.set_training(dataclasses.replace(training, phase=phase))
    qapp.processEvents()


def test_an_end_that_nobody_saw_is_reported_once(application, qapp, said):
    end(application, qapp, "finished")
    end(application, qapp, "failed")
    assert said == ["Training finished.", "Training failed."]
    application.controller.state.set_training(TrainingState(Recipe(), "finished"))
    qapp.processEvents()
    assert len(said) == 2


@pytest.mark.parametrize("phase", ["stopped", "stopping"])
def test_what_the_user_did_is_not_reported(application, qapp, said, phase):
    end(application, qapp, phase)
    application.controller.state.set_training(None)
    assert said == []


def test_a_watched_end_is_not_reported(application, qapp, said, monkeypatch):
    monkeypatch.setattr(end_notice, "is_watched", lambda: True)
    end(application, qapp, "finished")
    assert said == []


def test_without_a_tray_the_window_is_marked(application, monkeypatch):
    marked = []
    monkeypatch.setattr(end_notice.QApplication, "alert", marked.append)
    application.window.findChild(EndNotice).show_message("Training finished.")
    assert marked == [application.window]
