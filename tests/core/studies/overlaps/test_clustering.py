from __future__ import annotations

import numpy as np

from snip_gui.core.studies.overlaps.clustering import cluster_order


def test_similar_rows_stand_together():
    group = np.array([0, 1, 2, 0, 1, 2, 0])
    similarity = np.where(group[:, None] == group, 0.9, 0.1)
    similarity[0, 1] = similarity[1, 0] = 0.2
    order = cluster_order(similarity)
    assert sorted(order) == list(range(7))
    ordered = group[order]
    assert np.count_nonzero(np.diff(ordered)) == 2


def test_a_chain_keeps_its_order():
    places = np.array([3, 0, 2, 4, 1])
    similarity = 1 / (1 + np.abs(places[:, None] - places))
    ordered = places[cluster_order(similarity)]
    assert list(ordered) in ([0, 1, 2, 3, 4], [4, 3, 2, 1, 0])


def test_no_rows_and_one_row():
    assert cluster_order(np.zeros((0, 0))) == []
    assert cluster_order(np.ones((1, 1))) == [0]
