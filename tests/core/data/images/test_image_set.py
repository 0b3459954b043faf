from __future__ import annotations

import numpy as np
import pytest

from snip_gui.core.base.errors import UserError
from snip_gui.core.data.images.image_set import Census, compute_statistics, make_image_set


def make(**changes):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (12, 3, 5, 4)).astype(np.uint8)
    labels = np.arange(12) % 2
    given = {"train": (images, labels), "test": (images[:4], labels[:4])} | changes
    return make_image_set(name="toy", title="Toy", classes=("a", "b"), **given)


def statistics_in_parts(images):
    census = Census(len(images), images.shape[1:])
    for start in range(0, len(images), 700):
        census.add(images[start : start + 700])
    return compute_statistics(census.counts_CV)


def test_statistics_are_numpys_mean_and_deviation(digits):
    rng = np.random.default_rng(1)
    for images in (
        rng.integers(0, 256, (30, 3, 6, 7)).astype(np.uint8),
        digits.train_images.images_NCHW,
    ):
        mean_C, deviation_C = statistics_in_parts(images)
        scaled = images.astype(np.float64) / 255
        np.testing.assert_allclose(mean_C, scaled.mean(axis=(0, 2, 3)), rtol=1e-12)
        np.testing.assert_allclose(deviation_C, scaled.std(axis=(0, 2, 3)), rtol=1e-12)


def test_an_image_set_carries_the_statistics_of_all_training_images(digits):
    mean_C, deviation_C = statistics_in_parts(digits.train_images.images_NCHW)
    assert (digits.mean_C, digits.deviation_C) == (mean_C, deviation_C)


def test_arrays_are_read_only_and_in_order():
    images = make()
    assert images.image_shape == (3, 5, 4)
    assert images.train_labels_N.dtype == np.int64
    stores = images.train_images, images.test_images
    for array in (*(store.images_NCHW for store in stores), images.train_labels_N):
        assert array.flags.c_contiguous
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


PIXELS = np.arange(2 * 3 * 5 * 4, dtype=np.uint8).reshape(2, 3, 5, 4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train": (PIXELS, np.array([0]))}, "2 training images but 1 labels"),
        ({"test": (PIXELS, np.array([0, 1, 1]))}, "2 test images but 3 labels"),
        ({"train": (PIXELS[:0], np.array([], int))}, "no training images"),
        ({"test": (PIXELS[:0], np.array([], int))}, "no test images"),
        ({"train": (PIXELS, np.array([0, 2]))}, "labels run from 0 to 2"),
        ({"test": (PIXELS, np.array([-1, 1]))}, "labels run from -1 to 1"),
        ({"train": (PIXELS * 0, np.array([0, 1]))}, "all pixels have the same value"),
    ],
)
def test_what_does_not_belong_together_is_refused(changes, message):
    with pytest.raises(UserError, match=message):
        make(**changes)


def test_a_channel_without_contrast_is_standardised_to_zero():
    images = np.random.default_rng(0).integers(0, 255, (6, 3, 4, 4), dtype=np.uint8)
    images[:, 2] = 9
    labels = np.array([0, 1] * 3)
    made = make_image_set(
        name="x", title="X", classes=("a", "b"), train=(images, labels), test=(images, labels)
    )
    assert made.deviation_C[2] == 1
    assert made.mean_C[2] == pytest.approx(9 / 255)


def test_equal_images_have_equal_digests_and_others_not():
    images = np.random.default_rng(0).integers(0, 255, (6, 1, 4, 4), dtype=np.uint8)
    labels = np.array([0, 1] * 3)

    def digest(train):
        return make_image_set(
            name="x", title="X", classes=("a", "b"), train=train, test=(images, labels)
        ).digest

    assert digest((images, labels)) == digest((images.copy(), labels.astype(np.uint8)))
    assert digest((images, labels)) != digest((images, labels[::-1]))


@pytest.mark.parametrize("value", [0, 3, 77, 255])
def test_equal_pixels_have_a_deviation_of_exactly_zero(value):
    counts_CV = np.bincount([value] * 1200, minlength=256)[None]
    assert compute_statistics(counts_CV)[1] == (0.0,)
