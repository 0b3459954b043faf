"""How often connections are kept, against plain counting."""

from __future__ import annotations

import numpy as np

from snip_gui.core.comparing.packed import PackedMask
from snip_gui.core.studies.overlaps.often import count_often


def test_every_connection_is_counted_once_and_padding_is_none():
    rng = np.random.default_rng(0)
    sizes = {"fc1": 37, "fc2": 8}
    masks = [{layer: rng.random(size) < 0.6 for layer, size in sizes.items()} for _ in range(3)]
    packed = [
        PackedMask(sizes, {layer: np.packbits(kept) for layer, kept in mask.items()})
        for mask in masks
    ]
    found = count_often(packed)
    for layer, size in sizes.items():
        times = [sum(bool(mask[layer][place]) for mask in masks) for place in range(size)]
        assert found.always[layer] == times.count(3) > 0
        assert found.never[layer] == times.count(0)
        assert found.sometimes[layer] == times.count(1) + times.count(2)
    always = sum(found.always.values())
    assert found.sentence.startswith(f"{always} connections are kept by all 3 masks")
    assert f"of {45} by at least one" in found.sentence
    assert [row[0] for row in found.table.rows] == ["fc1", "fc2"]
