"""Colours of a comparison."""

from __future__ import annotations

import numpy as np
import pytest

from snip_gui.ui.theme.theme import load_colours


def lightness(rgb):
    """L* of an sRGB colour."""
    linear = [
        v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in np.array(rgb) / 255
    ]
    luminance = np.dot(linear, [0.2126, 0.7152, 0.0722])
    return 116 * np.cbrt(luminance) - 16


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_four_kinds_differ_in_lightness_alone(theme):
    """So that they can be told apart without seeing colours."""
    colours = load_colours(theme)
    found = sorted(lightness(colours.rgb(r)) for r in ("both", "only_a", "only_b", "removed"))
    assert np.diff(found).min() > 12
