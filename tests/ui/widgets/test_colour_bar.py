"""Labels of colour bars say different things."""

from __future__ import annotations

import math

import numpy as np
import pytest

from snip_gui.core.views.picture import Picture
from snip_gui.ui.widgets.pictures.colour_bar import bar_ticks

INDEX_HW = np.ones((1, 1), np.uint8)


@pytest.mark.parametrize("high", [1.0, 0.35, 0.004, 0.0004, 3e-5])
@pytest.mark.parametrize("is_share", [True, False])
def test_labels_differ_however_small_the_range(high, is_share):
    ticks = bar_ticks(Picture(INDEX_HW, 0.0, high, "kept", is_share=is_share))
    labels = [label for _, label in ticks]
    assert len(set(labels)) == len(labels) == 5
    assert labels[0].strip("%") == "0"


def test_a_logarithmic_bar_is_labelled_at_powers_of_ten():
    low, high = math.log10(5e-8), math.log10(7e-4)
    ticks = bar_ticks(Picture(INDEX_HW, low, high, "sensitivity", scale="log"))
    assert [label for _, label in ticks] == ["1e-7", "1e-6", "1e-5", "1e-4"]
    for share, label in ticks:
        assert low + share * (high - low) == pytest.approx(math.log10(float(label)))


def test_a_bar_of_one_value_has_one_label():
    assert len(bar_ticks(Picture(INDEX_HW, 0.2, 0.2, "kept"))) == 1
