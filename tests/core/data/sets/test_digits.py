from __future__ import annotations

import numpy as np
import pytest

from snip_gui.core.data.minibatch.curation import split_training
from snip_gui.core.data.sets.digits import enlarge, load_digits


def test_there_are_1797_images_of_28_by_28(digits):
    assert len(digits.train_labels_N) + len(digits.test_labels_N) == 1797
    assert digits.image_shape == (1, 28, 28)
    assert digits.train_images.images_NCHW.shape == (1397, 1, 28, 28)
    assert digits.test_images.images_NCHW.dtype == np.uint8
    assert digits.classes == tuple("0123456789")


def test_the_test_images_are_forty_of_each_class_and_always_the_same(digits):
    assert np.bincount(digits.test_labels_N).tolist() == [40] * 10
    again = load_digits()
    np.testing.assert_array_equal(again.test_images.images_NCHW, digits.test_images.images_NCHW)
    np.testing.assert_array_equal(again.train_labels_N, digits.train_labels_N)


@pytest.mark.parametrize("seed", [0, 1, 2, 3, 2**40])
def test_a_hundred_images_of_one_class_can_be_drawn(digits, seed):
    split = split_training(digits.train_labels_N, 0.1, seed)
    assert np.bincount(digits.train_labels_N[split.train_indices]).min() >= 110


def test_enlarging_keeps_the_frame_black_and_the_range():
    images = np.random.default_rng(0).integers(0, 17, (50, 8, 8)).astype(np.uint8)
    images[0] = 16
    large = enlarge(images)
    frame = np.ones((28, 28), bool)
    frame[4:24, 4:24] = False
    assert not large[:, frame].any()
    assert (large[0, 4:24, 4:24] == 255).all()
    assert not enlarge(np.zeros((1, 8, 8), np.uint8)).any()


def test_enlarging_is_bilinear():
    # Along a straight ramp, interpolation between pixel centres gives the ramp itself.
    ramp = np.arange(8) * 2
    large = enlarge(np.tile(ramp, (8, 1)).astype(np.uint8)[None])[0, 4:24, 4:24].astype(float)
    centres = ((np.arange(20) + 0.5) * 8 / 20 - 0.5).clip(0, 7)
    np.testing.assert_allclose(large, np.tile(centres * 2 * 255 / 16, (20, 1)), atol=0.5)
    turned = enlarge(np.tile(ramp[:, None], (1, 8)).astype(np.uint8)[None])[0, 4:24, 4:24]
    np.testing.assert_array_equal(turned.T, large)
