import ctypes

import psutil
import pytest

from snip_gui.core.base.machine import freed_memory
from snip_gui.core.base.machine.freed_memory import return_freed_memory

MIB = 1 << 20


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="not glibc")
def test_memory_between_blocks_in_use_is_returned():
    block = 64 * 1024  # below the size from which malloc maps each block by itself
    blocks = [bytearray(block) for _ in range(2 * 128 * MIB // block)]
    del blocks[::2]
    process = psutil.Process()
    before = process.memory_info().rss
    return_freed_memory()
    assert before - process.memory_info().rss > 100 * MIB
    assert all(not any(kept) for kept in blocks[:3])


def test_another_c_library_is_left_alone(monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    freed_memory._find_malloc_trim.cache_clear()
    try:
        return_freed_memory()
        assert freed_memory._find_malloc_trim() is None
    finally:
        freed_memory._find_malloc_trim.cache_clear()
