"""A change is scored at once if the last scoring was fast."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from PySide6.QtCore import QObject, Signal

from snip_gui.session.jobs.job import JobEnded
from snip_gui.session.looking.live_scoring import LiveScoring
from snip_gui.session.state.preferences import Preferences


class FakeHost(QObject):
    ended = Signal(object)
    is_closed = False

    def is_busy(self, *_kinds):
        return False


class FakeState(QObject):
    recipe_changed = Signal()
    images_changed = Signal()
    preferences_changed = Signal()
    is_stale = can_score = True
    score_key = "one"
    scored = None
    preferences = Preferences()


@pytest.fixture
def live(qapp):
    host, state, scored = FakeHost(), FakeState(), []
    made = LiveScoring(state, host, lambda: scored.append(state.score_key))

    def score(seconds, outcome="done"):
        if outcome == "done":
            state.scored = SimpleNamespace(seconds=seconds)
        host.ended.emit(JobEnded(1, "score", outcome))

    return made, state, scored, score


def change(live, state, key):
    state.score_key = key
    state.recipe_changed.emit()
    live._soon.timeout.emit()


def test_a_fast_scoring_is_repeated_after_a_change_and_a_slow_one_is_not(live):
    made, state, scored, score = live
    change(made, state, "before any")
    assert not scored
    score(0.1)
    change(made, state, "two")
    assert scored == ["two"]
    score(0.4)
    change(made, state, "three")
    assert scored == ["two"]


def test_it_is_a_preference(live):
    made, state, scored, score = live
    score(0.1)
    state.preferences = Preferences(live_scoring=False)
    change(made, state, "two")
    assert not scored


def test_a_failed_scoring_is_not_repeated_until_something_changes(live):
    made, state, scored, score = live
    score(0.1)
    change(made, state, "two")
    score(0.1, "failed")
    made._soon.timeout.emit()
    assert scored == ["two"]
    change(made, state, "three")
    assert scored == ["two", "three"]
