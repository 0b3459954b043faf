from __future__ import annotations

from types import SimpleNamespace

import pytest

from snip_gui.core.base.environment import Environment
from snip_gui.session.state.score_cache import ScoreCache

HERE = Environment(device="cpu", num_threads=1)


def scored(key, num_bytes):
    return SimpleNamespace(key=key, images_digest="images", num_bytes=num_bytes)


def found(cache, keys):
    return "".join(key for key in keys if cache.find(key, "images", HERE) is not None)


def filled(num_bytes, keys="abcde"):
    cache = ScoreCache(many_bytes=100, two_bytes=1000)
    for key in keys:
        cache.keep(scored(key, num_bytes), HERE)
    return cache


@pytest.mark.parametrize(
    ("num_bytes", "kept"), [(20, "abcde"), (30, "cde"), (60, "de"), (500, "de"), (501, "e")]
)
def test_many_small_scores_are_kept_two_large_ones_and_one_huge_one(num_bytes, kept):
    assert found(filled(num_bytes), "abcde") == kept


def test_scores_that_were_looked_at_stay_longer():
    cache = filled(30, "abc")
    assert found(cache, "a")
    cache.keep(scored("d", 30), HERE)
    assert found(cache, "abcd") == "acd"


def test_scores_of_another_environment_are_not_found():
    other = Environment(device="cpu", num_threads=2)
    assert filled(20).find("a", "images", other) is None
