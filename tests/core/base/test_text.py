from __future__ import annotations

import datetime
import time

import pytest

from snip_gui.core.base.text import (
    listed,
    narrow_count,
    natural_order,
    short_count,
    size_text,
    to_local,
    to_visible,
)


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


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (999, "999"), (430_500, "430 k"), (999_999, "1 M"), (1_740_000_000, "1.74 G")],
)
def test_short_counts_have_three_digits_and_never_an_exponent(number, text):
    assert short_count(number) == text


def test_a_narrow_count_is_exact_as_long_as_it_is_short():
    assert [narrow_count(n) for n in (99_999, 100_000)] == ["99,999", "100 k"]


def test_what_is_not_seen_is_written_out():
    assert to_visible("Größe “8” — 数 👩‍👩‍👧") == "Größe “8” — 数 👩‍👩‍👧"
    assert to_visible("a\x1b[31m\x00\x9b\u202e\u2066\ufeff\ud800") == (
        "a\\x1b[31m\\x00\\x9b\\u202e\\u2066\\ufeff\\ud800"
    )
    assert to_visible("one\ntwo\r\nthree\tfour\u2028five") == "one two three four five"


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (["a"], "“a”"),
        (["a", "b"], "“a” and “b”"),
        (["a", "b", "c"], "“a”, “b” and “c”"),
        (list("abcdefg"), "“a”, “b”, “c”, “d” and 3 more"),
    ],
)
def test_names_are_enumerated(names, text):
    assert listed(names) == text


def test_numbered_names_are_in_the_order_of_their_numbers():
    names = ["b10", "10", "B2", "9", "2", "a", "٣", ""]
    assert [names[at] for at in natural_order(names)] == ["", "2", "٣", "9", "10", "a", "B2", "b10"]


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the zone of a process is set on POSIX")
@pytest.mark.parametrize("zone", ["XXX+99", "AAA-99:99", "garbage", "", "UTC"])
def test_a_time_can_be_shown_whatever_the_time_zone_is_said_to_be(monkeypatch, zone):
    moment = datetime.datetime(2024, 1, 1, 12, tzinfo=datetime.UTC)
    with monkeypatch.context() as patch:
        patch.setenv("TZ", zone)
        time.tzset()
        assert f"{to_local(moment):%H:%M}" == "12:00"
    time.tzset()
