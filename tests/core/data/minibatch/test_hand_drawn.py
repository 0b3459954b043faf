"""A drawing is brought to the form of the data set's digits."""

from __future__ import annotations

import numpy as np
import pytest

from snip_gui.core.data.minibatch.hand_drawn import to_digit
from snip_gui.core.data.sets.digits import enlarge
from snip_gui.core.data.sets.loading import load_images

SHAPE = (1, 28, 28)


@pytest.mark.mnist
def test_test_images_on_the_canvas_get_the_same_answer_as_directly(mnist_folder):
    images = load_images("mnist", mnist_folder)
    train = images.train_images.read(np.arange(5_000)).reshape(-1, 784) / 255
    test = images.test_images.read(np.arange(200)).astype(np.uint8)
    labels_N = images.train_labels_N[:5_000]
    means = np.stack([train[labels_N == label].mean(axis=0) for label in range(10)])

    def answer(images_NCHW):
        flat_NP = images_NCHW.reshape(-1, 784) / 255
        return ((flat_NP[:, None] - means) ** 2).sum(axis=2).argmin(axis=1)

    canvases = [np.kron(image[0], np.ones((10, 10), np.uint8)) for image in test]
    drawn = np.stack([to_digit(canvas, SHAPE) for canvas in canvases])
    assert (answer(drawn) == answer(test)).mean() >= 0.95


def test_a_built_in_digit_is_averaged_over_eight_cells_around_the_middle_of_its_box():
    ink_HW = np.zeros((280, 280), np.uint8)
    ink_HW[10:90, 200:220] = 255
    ink_HW[70:90, 200:240] = 255  # most of the ink is below the middle
    image_HW = to_digit(ink_HW, SHAPE, "digits")[0]
    cells_HW = np.zeros((8, 8))
    cells_HW[:, 2:4], cells_HW[6:, 2:6] = 16, 16  # 10 pixels of the drawing per cell
    np.testing.assert_allclose(image_HW, enlarge(cells_HW[None])[0], atol=8)
    rows, _ = np.nonzero(to_digit(ink_HW, SHAPE, "mnist")[0])
    assert rows.min() < 4


def test_size_and_place_of_the_drawing_do_not_matter():
    ink_HW = np.zeros((280, 280), np.uint8)
    ink_HW[10:90, 200:240] = 255
    large_HW = np.zeros((280, 280), np.uint8)
    large_HW[40:200, 30:110] = 255
    one, other = to_digit(ink_HW, SHAPE), to_digit(large_HW, SHAPE)
    np.testing.assert_array_equal(one, other)
    rows, columns = np.nonzero(one[0])
    assert (rows.min(), rows.max()) == (4, 23)
    assert abs(columns.mean() - 14) <= 0.5


def test_colour_images_get_the_same_in_each_channel_and_no_ink_is_black():
    assert to_digit(np.full((50, 50), 200, np.uint8), (3, 32, 32)).shape == (3, 32, 32)
    assert not to_digit(np.zeros((50, 50), np.uint8), SHAPE).any()
