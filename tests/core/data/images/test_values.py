from __future__ import annotations

import numpy as np
import pytest

from snip_gui.core.data.images.values import find_file_scale


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([0.0, 0.5, 1.0], "f4"), [0, 128, 255]),
        (np.array([0, 1], "u2"), [0, 255]),
        (np.array([0, 99.9, 200.2], "f4"), [0, 99, 200]),  # 8-bit values, fractions cut off
        (np.array([0, 257, 0xABCD, 65_535], "u2"), [0, 1, 0xAB, 255]),
        (np.array([0, 200, 59_900, 65_535], "i4"), [0, 0, 233, 255]),
        (np.array([0, 2048, 4095], "u2"), [0, 128, 255]),  # 12 bits
        (np.array([-1000, 0, 3000], "i4"), [0, 64, 255]),
        (np.array([-1.0, 0.0, 1.0], "f4"), [0, 128, 255]),
        (np.array([0, 2**31, 2**32 - 1], "u4"), [0, 128, 255]),
        (np.array([-3e38, 3e38], "f4"), [0, 255]),
        (np.array([7, 7], "u2"), [0, 0]),
    ],
)
def test_the_range_of_a_set_decides_its_scale(values, expected):
    scale = find_file_scale(float(values.min()), float(values.max()))
    assert scale.apply(values).tolist() == expected
    assert scale.text.endswith(".")


def test_by_rows_is_the_same(monkeypatch):
    monkeypatch.setattr("snip_gui.core.data.images.values._MAPPED_AT_ONCE", 10)
    values_HW = np.arange(35, dtype=np.float32).reshape(7, 5)
    scale = find_file_scale(0, 34)
    assert np.array_equal(scale.apply_by_rows(values_HW), scale.apply(values_HW))
