"""Studies that are stopped by a limit to their time."""

from __future__ import annotations

import math
import time

import pytest

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.errors import Cancelled, UserError
from snip_gui.core.studies.budget import Budget, parse_duration


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
