"""Toy masks, and overlaps computed from sets."""

from __future__ import annotations

import numpy as np

from snip_gui.core.comparing.packed import PackedMask


def toy(**layers):
    """Return a mask from lists of zeros and ones by layer."""
    return PackedMask(
        {layer: len(bits) for layer, bits in layers.items()},
        {layer: np.packbits(np.array(bits, bool)) for layer, bits in layers.items()},
    )


def random_toy(generator, sizes=(("a", 29), ("b", 11)), density=0.4):
    return toy(**{layer: generator.random(size) < density for layer, size in sizes})


def kept_set(mask, layer=None):
    """Return the kept connections as a set."""
    return {
        (name, place)
        for name, size in mask.sizes.items()
        if layer in (None, name)
        for place in np.flatnonzero(np.unpackbits(mask.packed[name], count=size))
    }


def jaccard(a, b, layer=None):
    kept_a, kept_b = kept_set(a, layer), kept_set(b, layer)
    return len(kept_a & kept_b) / len(kept_a | kept_b)
