"""Large arrays are on disk, small ones in memory; both hold the same values."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from snip_gui.core.base.machine import spilling
from snip_gui.core.base.machine.spilling import spilled


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(spilling, "MOST_BYTES", 1000)
    monkeypatch.setattr(
        spilling.platformdirs, "user_cache_dir", lambda *_arguments: tmp_path / "cache"
    )
    return tmp_path / "cache"


def test_a_small_array_stays_as_it_is(folder):
    array = np.arange(250, dtype=np.int32)
    assert spilled(array) is array
    assert not folder.exists()


def test_a_large_array_is_read_from_disk_and_leaves_no_file(folder):
    array = np.arange(251, dtype=np.int32)
    found = spilled(array)
    np.testing.assert_array_equal(found, array)
    assert not np.shares_memory(found, array)
    assert not found.flags.writeable
    assert not list(folder.iterdir())


def test_without_room_on_disk_it_stays_in_memory_and_the_log_says_so(folder, caplog):
    folder.write_text("in the way")
    array = np.arange(251, dtype=np.int32)
    with caplog.at_level(logging.WARNING):
        assert spilled(array) is array
    assert "stays in memory" in caplog.text
