from __future__ import annotations

import numpy as np
import pytest

from snip_gui.core.recipe.recipe import Recipe
from snip_gui.core.training.events import TrainingStarted, WeightsSeen
from snip_gui.session.looking import live_weights
from tests.qt_fixtures import *  # noqa: F403 - fixtures are found by name


@pytest.fixture
def live(make_controller):
    return make_controller(Recipe()).live


def seen(live, epoch, value, *, whole=True):
    """Have a training tell of its weights."""
    weights = {"a": np.full((2, 2), value, np.float32)}
    if whole:
        weights["b"] = np.full(3, -value, np.float32)
    event = WeightsSeen(round(10 * epoch), epoch, weights, whole)
    live.hear(event)


def test_the_end_of_the_timeline_is_now(live):
    assert live.epochs == ()
    assert live.weight_at(-1, "a") is None
    for epoch in (0, 1):
        seen(live, epoch, epoch)
    seen(live, 1.5, 7, whole=False)
    assert live.epochs == (0, 1, 1.5)
    assert live.weight_at(-1, "a")[0, 0] == 7
    assert live.weight_at(-1, "b")[0] == -1  # not looked at since the epoch ended
    assert live.weight_at(0, "a")[0, 0] == 0
    seen(live, 2, 9)
    assert live.epochs == (0, 1, 2)
    assert live.weight_at(-1, "c") is None


def test_another_training_begins_another_timeline(live, tmp_path, qtbot):
    seen(live, 1, 1)
    started = TrainingStarted(tmp_path, "x", 0.9, 1, 10, 0, 10, 1)
    with qtbot.waitSignal(live.changed):
        live.hear(started)
    assert live.epochs == ()


def test_a_long_timeline_is_thinned_and_keeps_both_ends(live, monkeypatch):
    monkeypatch.setattr(live_weights, "_MOST_BYTES", 28 * 8)  # eight moments of 28 bytes
    for epoch in range(30):
        seen(live, epoch, epoch)
    assert len(live.epochs) <= 8
    assert (live.epochs[0], live.epochs[-1]) == (0, 29)
    assert list(live.epochs) == sorted(live.epochs)
    assert live.weight_at(-1, "a")[0, 0] == 29
