"""Studies that are stopped by a limit to their time."""

from __future__ import annotations

import math
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.errors import Cancelled, UserError
from snip_gui.core.recipe.recipe import Recipe, Training
from snip_gui.core.studies.budget import Budget, forecast, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30min", 1800), ("1.5h", 5400), (" 2 d ", 172_800)]
)
def test_durations_have_a_unit(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "30", "min", "-1h", "1e9h", "0s", "1h30", "nan h"])
def test_other_durations_are_refused(text):
    with pytest.raises(UserError, match="not a duration"):
        parse_duration(text)


def test_a_budget_ends_by_itself_or_with_its_token(monkeypatch):
    cancel, now = CancelToken(), [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    budget, endless = Budget(cancel, 5), Budget(cancel, math.inf)
    budget.raise_if_cancelled()
    now[0] = 105.0
    assert budget.is_over
    assert budget.is_cancelled
    assert not endless.is_cancelled
    with pytest.raises(Cancelled):
        budget.raise_if_cancelled()
    cancel.cancel()
    assert endless.is_cancelled
    assert not endless.is_over


class _Run:
    """A run that takes a number of epochs."""

    def __init__(self, number, epochs, *, is_done=False):
        self.folder = Path(f"run-{number}")
        self.recipe = Recipe(training=Training(epochs=epochs))
        self._is_done = is_done

    def is_done(self):
        return self._is_done


def _entry(seconds, epochs):
    return SimpleNamespace(recipe=Recipe(), seconds=seconds, epochs_done=epochs)


def test_what_is_to_be_trained_is_said_with_its_time_and_what_a_budget_leaves_out():
    runs = [_Run(number, 10) for number in range(6)] + [_Run(6, 10, is_done=True), _Run(0, 10)]
    earlier = [_entry(20.0, 2), _entry(1.0, 10)]  # the newest: ten seconds an epoch
    text = forecast(runs, earlier, math.inf)
    assert text == "6 of 7 runs are to be trained: about 10 min if one after another."
    assert forecast(runs, earlier, 250.0).endswith(
        "The budget of 4 min leaves out about 4 of them."
    )
    assert "60 epochs in all" in forecast(runs, [], 1.0)
    days = forecast([_Run(0, 50_000)], earlier, 60.0)
    assert "1 of 1 runs is to be trained: about 138.9 h" in days
    assert "leaves out about 1 of them" in days


def test_when_all_is_done_there_is_nothing_to_say():
    assert forecast([_Run(0, 10, is_done=True)], [_entry(20.0, 2)], 1.0) == ""
    assert forecast([], [], 1.0) == ""
