from __future__ import annotations

import itertools

import pytest

from snip_gui.core.data.images.batches import batch_slices


def lengths(*arguments, **options):
    return [part.stop - part.start for part in batch_slices(*arguments, **options)]


def test_a_single_image_at_the_end_is_a_batch_of_its_own_unless_it_joins_the_one_before():
    assert lengths(7, 3) == [3, 3, 1]
    assert lengths(7, 3, join_single=True) == [3, 4]
    assert lengths(7, 3, 1, join_single=True) == [4]
    assert lengths(7, 3, 2, join_single=True) == []


@pytest.mark.parametrize("number", range(1, 14))
@pytest.mark.parametrize("size", range(1, 8))
@pytest.mark.parametrize("join_single", [False, True])
def test_batches_follow_one_another_and_none_is_lost(number, size, join_single):
    parts = batch_slices(number, size, join_single=join_single)
    assert parts[0].start == 0
    assert parts[-1].stop == number
    assert all(a.stop == b.start for a, b in itertools.pairwise(parts))
    assert all(part.stop - part.start == size for part in parts[:-1])
    if join_single and number > 1 < size:
        assert all(part.stop - part.start > 1 for part in parts)
