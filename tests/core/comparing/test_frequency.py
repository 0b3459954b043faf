from __future__ import annotations

import itertools

import numpy as np
import pytest

from snip_gui.core.base.errors import UserError
from snip_gui.core.comparing.comparison import compare
from snip_gui.core.comparing.frequency import FrequencyCounter
from tests.core.masks import LENET, SMALL, flat, random_mask


def counted(masks):
    counter = FrequencyCounter(len(masks))
    for mask in masks:
        counter.add(mask)
    return counter.result()


def test_every_connection_is_counted_in_every_mask():
    masks = [random_mask(26_000 + seed, seed) for seed in range(5)]
    found = counted(masks)
    times = sum(flat(mask).astype(int) for mask in masks)
    np.testing.assert_array_equal(found.count_M, times)
    assert found.count_M.dtype == np.uint8
    assert not found.count_M.flags.writeable
    assert found.num_in_all == (times == 5).sum()
    assert found.num_in_any == (times > 0).sum()
    for tensor in found.layout.tensors:
        histogram = np.bincount(times[tensor.offset : tensor.end], minlength=6)
        np.testing.assert_array_equal(found.histograms[tensor.layer], histogram)


def test_overlap_and_chance_are_those_of_all_pairs_together():
    masks = [random_mask(10 + 3 * seed, seed, SMALL) for seed in range(6)]
    pairs = [compare(a, b).whole for a, b in itertools.combinations(masks, 2)]
    found = counted(masks)
    both, unions = sum(p.both for p in pairs), sum(p.total - p.neither for p in pairs)
    assert found.overlap == pytest.approx(both / unions)
    expected = sum(p.expected_both for p in pairs)
    sizes = sum(p.kept_a + p.kept_b for p in pairs)
    assert found.chance == pytest.approx(expected / (sizes - expected))


def test_the_same_mask_again_and_again_is_stable():
    found = counted([random_mask(900, 4)] * 3)
    assert found.overlap == 1
    assert found.num_in_all == found.num_in_any == 900


def test_the_input_map_is_the_mean_of_the_input_maps():
    masks = [random_mask(20_000 * (seed + 1), seed) for seed in range(3)]
    maps = [mask.scored.input_fractions(mask.num_kept) for mask in masks]
    np.testing.assert_allclose(counted(masks).input_map, np.mean(maps, axis=0))


def test_counts_grow_with_the_number_of_masks_not_with_the_masks():
    counter = FrequencyCounter(300)
    counter.add(random_mask(5, 0, SMALL))
    found = counter.result()
    assert found.count_M.dtype == np.uint16
    assert found.num_masks == 1
    assert (found.overlap, found.chance) == (1, 1)


def test_a_mask_of_another_network_is_refused():
    counter = FrequencyCounter(2)
    counter.add(random_mask(5, 0, LENET))
    with pytest.raises(UserError):
        counter.add(random_mask(5, 0, {**LENET, "fc3": (7, 100)}))


def test_nothing_counted_gives_no_result():
    with pytest.raises(ValueError, match="no mask"):
        FrequencyCounter(2).result()
    with pytest.raises(ValueError, match="cannot be counted"):
        FrequencyCounter(0)
