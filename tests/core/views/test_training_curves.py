from __future__ import annotations

import math

import numpy as np

from snip_gui.core.training.metrics import MetricPoint
from snip_gui.core.views.training_curves import GRADIENT, CurveArrays, smoothed


def test_without_points_there_are_no_norms():
    assert CurveArrays().norms().size == 0


def test_norms_that_overflowed_are_gaps():
    lines = CurveArrays()
    points = [
        MetricPoint(step, step / 10, "train", 0.5, 0.9, 0.1, 1.0, norm, (norm, 2.0))
        for step, norm in enumerate((1.0, math.inf, -math.inf, math.nan, 3.0))
    ]
    lines.show(points)
    np.testing.assert_array_equal(lines.arrays("train")[GRADIENT], [1, *[np.nan] * 3, 3])
    np.testing.assert_array_equal(lines.norms(), [[1, *[np.nan] * 3, 3], [2.0] * 5])


def test_a_gap_does_not_swallow_the_rest_of_a_smoothed_curve():
    values = smoothed(np.array([1.0, np.nan, 1.0, 1.0]), 0.5)
    np.testing.assert_allclose(values, [1, np.nan, 1, 1])
