"""Named random streams: one seed in the recipe, one independent stream per use.

Using one stream differently (say, the order of training images) does not change any other (say, the
initial weights).
"""

from __future__ import annotations

import hashlib

import numpy as np


def stream_seed(seed: int, *names: str | int) -> int:
    """Return a 63-bit seed for the stream ``names`` of ``seed``."""
    text = "/".join(str(part) for part in (seed, *names))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def numpy_stream(seed: int, *names: str | int) -> np.random.Generator:
    """Return a NumPy generator for the stream ``names`` of ``seed``."""
    return np.random.Generator(np.random.PCG64(stream_seed(seed, *names)))
