"""The order of rows in which similar ones stand together.

Shapes: G rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def cluster_order(similarity_GG: NDArray[np.float64]) -> list[int]:
    """Return the rows of a symmetric matrix in the order of the leaves of a clustering.

    Average linkage: the two most similar clusters are merged again and again, ties in favour of the
    first. The ends that are most similar are joined.
    """
    clusters = [[row] for row in range(len(similarity_GG))]
    while len(clusters) > 1:
        pairs = [(i, j) for i in range(len(clusters)) for j in range(i + 1, len(clusters))]
        i, j = max(
            pairs, key=lambda p: similarity_GG[np.ix_(clusters[p[0]], clusters[p[1]])].mean()
        )
        a, b = clusters[i], clusters.pop(j)
        ways = [(x, y) for x in (a, a[::-1]) for y in (b, b[::-1])]
        x, y = max(ways, key=lambda way: similarity_GG[way[0][-1], way[1][0]])
        clusters[i] = x + y
    return clusters[0] if clusters else []
