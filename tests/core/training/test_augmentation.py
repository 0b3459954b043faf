from __future__ import annotations

import numpy as np
import pytest
import torch

from snip_gui.core.recipe.recipe import Training
from snip_gui.core.training.augmentation import MOST_PIXELS, Augmentation, make_augmentation

CPU = torch.device("cpu")
BOTH = Training(augmentation="flip-and-shift")


def moved(picture_CHW, right, down):
    """A picture moved, written out with NumPy; zero moves in."""
    whole = np.pad(picture_CHW, ((0, 0), (4, 4), (4, 4)))
    rows, columns = picture_CHW.shape[1:]
    return whole[:, 4 - down : 4 - down + rows, 4 - right : 4 - right + columns]


def test_every_shift_and_mirroring_is_what_it_says():
    pictures = torch.randn(162, 2, 6, 7)
    shifts = torch.tensor([(x, y) for x in range(9) for y in range(9)]).repeat(2, 1)
    mirrored = torch.arange(162) >= 81
    changed = Augmentation(shifts, mirrored)(pictures, 0)
    for picture, one, (x, y), is_mirrored in zip(pictures, changed, shifts, mirrored, strict=True):
        source = picture.numpy()[:, :, ::-1] if is_mirrored else picture.numpy()
        expected = moved(source, int(x) - MOST_PIXELS, int(y) - MOST_PIXELS)
        np.testing.assert_array_equal(one.numpy(), expected)


def test_a_later_batch_gets_its_own_numbers():
    augment = make_augmentation(BOTH, 0, 3, 50, CPU)
    pictures = torch.randn(50, 1, 8, 8)
    whole = augment(pictures, 0)
    assert torch.equal(augment(pictures[20:35], 20), whole[20:35])
    assert not torch.equal(augment(pictures[20:35], 0), whole[20:35])


def test_seed_and_epoch_say_all_and_leave_other_random_numbers_alone():
    state = torch.get_rng_state()
    first = make_augmentation(BOTH, 1, 2, 1000, CPU)
    again = make_augmentation(BOTH, 1, 2, 1000, CPU)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(first.shifts_N2, again.shifts_N2)
    assert torch.equal(first.is_mirrored_N, again.is_mirrored_N)
    for seed, epoch in ((1, 3), (2, 2)):
        other = make_augmentation(BOTH, seed, epoch, 1000, CPU)
        assert not torch.equal(first.shifts_N2, other.shifts_N2)
    assert set(first.shifts_N2.flatten().tolist()) == set(range(9))
    assert 0.4 < first.is_mirrored_N.float().mean() < 0.6


def test_what_is_not_asked_for_is_not_done():
    assert make_augmentation(Training(), 0, 0, 10, CPU) is None
    assert make_augmentation(Training(augmentation="shift"), 0, 0, 10, CPU).is_mirrored_N is None


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32)])
def test_the_shape_stays(shape):
    augment = make_augmentation(BOTH, 0, 0, 4, CPU)
    assert augment(torch.randn(4, *shape), 0).shape == (4, *shape)
