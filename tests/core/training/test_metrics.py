from __future__ import annotations

import math

import pytest

from snip_gui.core.training.metrics import COLUMNS, MetricPoint

POINT = MetricPoint(120, 1.5, "validation", 0.25, 0.925, 0.01, 3.25)


def test_a_row_round_trips():
    assert len(POINT.row()) == len(COLUMNS)
    assert MetricPoint.from_row(POINT.row()) == POINT


def test_error_is_what_accuracy_leaves():
    assert POINT.error == pytest.approx(0.075)


@pytest.mark.parametrize(("loss", "finite"), [(0.5, True), (math.nan, False), (math.inf, False)])
def test_a_loss_that_is_not_finite_is_noticed(loss, finite):
    assert MetricPoint(1, 1.0, "train", loss, 0.1, 0.1, 0.0).is_finite is finite


def test_an_unknown_split_is_refused():
    with pytest.raises(ValueError, match="holdout"):
        MetricPoint.from_row([*POINT.row()[:2], "holdout", *POINT.row()[3:]])
