from __future__ import annotations

import pytest
import torch

from snip_gui.core.data.images.fit import fit_images

IMAGES = torch.rand(2, 1, 8, 6, generator=torch.Generator().manual_seed(0))


def test_images_that_fit_are_left_alone():
    assert fit_images(IMAGES, (1, 8, 6)) is IMAGES


def test_a_grey_channel_is_repeated():
    fitted = fit_images(IMAGES, (3, 8, 6))
    assert fitted.shape == (2, 3, 8, 6)
    assert all(torch.equal(fitted[:, channel], IMAGES[:, 0]) for channel in range(3))


@pytest.mark.parametrize("size", [(32, 32), (4, 3)])
def test_resizing_keeps_the_mean_and_invents_no_values(size):
    fitted = fit_images(IMAGES, (1, *size))
    assert fitted.shape[2:] == size
    assert float(fitted.mean()) == pytest.approx(float(IMAGES.mean()), abs=0.02)
    assert IMAGES.min() - 1e-6 <= fitted.min() <= fitted.max() <= IMAGES.max() + 1e-6


def test_every_pixel_counts_in_a_smaller_image():
    dots = torch.eye(64).reshape(64, 1, 8, 8)  # one image for each place of a dot
    assert bool((fit_images(dots, (1, 2, 2)).flatten(1).sum(1) > 0).all())
