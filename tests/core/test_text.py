from __future__ import annotations

import pytest

from snip_gui.core.text import size_text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (36_864_000, "36.9 MB"),
        (999_700, "1 MB"),
        (6_200_000_000, "6.2 GB"),
        (4 * 10**12, "4 TB"),
    ],
)
def test_sizes_have_three_digits(number, text):
    assert size_text(number) == text
