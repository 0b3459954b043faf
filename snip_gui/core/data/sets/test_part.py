"""Which images are for testing where a data set does not say so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from snip_gui.core.base.seeding import numpy_stream

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TEST_SHARE = 0.2


def fixed_test_part(labels_N: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which images are for testing where nobody said so: a fixed fifth of each class.

    At least one image of a class, but never its only one.
    """
    generator = numpy_stream(0, "folder", "test")
    is_test = np.zeros(len(labels_N), bool)
    for label in np.unique(labels_N):
        members = np.flatnonzero(labels_N == label)
        number = max(1, round(len(members) * _TEST_SHARE)) if len(members) > 1 else 0
        is_test[generator.permutation(members)[:number]] = True
    return is_test
