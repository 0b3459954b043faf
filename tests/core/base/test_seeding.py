from __future__ import annotations

from snip_gui.core.base.seeding import numpy_stream, stream_seed


def test_streams_are_repeatable_and_apart():
    seeds = {
        stream_seed(seed, *names)
        for seed in (0, 1, 10)
        for names in (("init",), ("order", 0), ("order", 1), ("order",), ("split",))
    }
    assert len(seeds) == 15
    assert stream_seed(3, "init") == stream_seed(3, "init")
    assert numpy_stream(3, "init").integers(2**60) == numpy_stream(3, "init").integers(2**60)


def test_seeds_fit_torch():
    assert all(0 <= stream_seed(seed, "x") < 2**63 for seed in range(100))
