from __future__ import annotations

import numpy as np
import pytest

from snip_gui.core.models.catalogue import MODELS, WindowStep
from snip_gui.core.pruning.input_map import pixel_fractions, position_fractions, receptive_fields
from snip_gui.core.views.input_map import edited_pixels, map_picture

RNG = np.random.default_rng(0)


def test_pixel_fractions_agree_with_counting_one_by_one():
    kept = RNG.random((7, 2 * 3 * 4)) < 0.4
    fractions = pixel_fractions(kept, (2, 3, 4))
    for channel in range(2):
        for row in range(3):
            for column in range(4):
                inputs = channel * 12 + row * 4 + column
                count = sum(bool(kept[out, inputs]) for out in range(7))
                assert fractions[channel, row, column] == count / 7


def test_lenet_5_sees_fields_16_wide_and_4_apart_that_cover_the_image():
    fields = receptive_fields(MODELS["lenet-5-caffe"].windows)
    assert (fields.width, fields.stride) == (16, 4)
    covered = set()
    for position in range(4):
        covered |= set(range(position * 4, position * 4 + 16))
    assert covered == set(range(28))


@pytest.mark.parametrize(
    "windows",
    [(), ((3, 1),), ((3, 2), (3, 1)), ((5, 1), (2, 2), (5, 1), (2, 2)), ((1, 1), (4, 3), (2, 2))],
)
def test_fields_agree_with_following_the_pixels_back(windows):
    # The pixels behind a position, found by walking the windows backwards one by one.
    def behind(position):
        seen = {position}
        for width, stride in reversed(windows):
            seen = {place * stride + step for place in seen for step in range(width)}
        return seen

    fields = receptive_fields([WindowStep(*window) for window in windows])
    for position in range(4):
        first = position * fields.stride
        assert behind(position) == set(range(first, first + fields.width))


def naive_positions(kept, channels, side, width, stride, pixels):
    """Mean over the fields that hold a pixel of the share kept behind each field's position."""
    result = np.zeros((pixels, pixels))
    for row in range(pixels):
        for column in range(pixels):
            shares = []
            for r in range(side):
                for c in range(side):
                    inside = (
                        r * stride <= row < r * stride + width
                        and c * stride <= column < c * stride + width
                    )
                    if inside:
                        inputs = [ch * side * side + r * side + c for ch in range(channels)]
                        shares.append(np.mean([kept[:, i].mean() for i in inputs]))
            result[row, column] = np.mean(shares) if shares else 0
    return result


def test_position_fractions_agree_with_a_naive_mean_over_fields():
    windows = MODELS["lenet-5-caffe"].windows
    kept = RNG.random((20, 3 * 16)) < 0.3
    found = position_fractions(kept, windows, 28, 28)
    np.testing.assert_allclose(found[0], naive_positions(kept, 3, 4, 16, 4, 28), atol=1e-12)


def test_pixels_in_no_field_are_zero():
    kept = np.ones((2, 4), bool)
    found = position_fractions(kept, [WindowStep(2, 3)], 7, 7)[0]
    np.testing.assert_array_equal(found, naive_positions(kept, 1, 2, 2, 3, 7))
    assert not found[2].any()
    assert not found[:, 5:].any()


def test_own_maximum_is_white_and_zero_is_black():
    fractions = np.array([[[0.0, 0.1], [0.2, 0.05]]])
    picture = map_picture(fractions, "own-maximum")
    assert (picture.low, picture.high) == (0, pytest.approx(0.2))
    assert picture.index_HW[1, 0] == 255
    assert picture.index_HW[0, 0] == 1


def test_unit_scale_shows_fractions_as_they_are():
    picture = map_picture(np.array([[[0.0, 0.5, 1.0]]]), "unit")
    assert picture.high == 1
    assert picture.index_HW.tolist() == [[1, 128, 255]]


def test_an_empty_map_is_black():
    assert (map_picture(np.zeros((1, 3, 3)), "own-maximum").index_HW == 1).all()


def test_channels_are_averaged():
    fractions = np.stack([np.zeros((2, 2)), np.ones((2, 2))])
    assert map_picture(fractions, "own-maximum").high == 0.5


def test_a_pixel_is_edited_if_all_its_connections_are():
    state_OI = np.zeros((3, 12), np.uint8)
    state_OI[:, [0, 6]] = 1  # the same pixel in both channels
    state_OI[:, 1] = 2  # in one channel only
    state_OI[:2, [2, 8]] = 1  # for two units of three
    found = edited_pixels(state_OI, "pixels", (2, 2, 3))
    assert np.array_equal(found, [[1, 0, 0], [0, 0, 0]])
    assert edited_pixels(state_OI, "positions", (2, 2, 3)) is None
    state_OI = np.zeros((3, 2), np.uint8)
    state_OI[:, 1] = 2
    assert np.array_equal(edited_pixels(state_OI, "columns", (1, 4, 2)), [[0, 2]] * 4)


def test_pixels_kept_by_hand_do_not_darken_the_others():
    fractions = np.full((1, 2, 2), 0.25)
    fractions[0, 0, 0] = 1.0
    edited_HW = np.zeros((2, 2), np.uint8)
    edited_HW[0, 0] = 1
    assert map_picture(fractions, "own-maximum").high == 1.0
    picture = map_picture(fractions, "own-maximum", edited_HW=edited_HW)
    assert picture.high == 0.25
    assert (picture.index_HW == 255).all()
    assert map_picture(fractions, "unit", edited_HW=edited_HW).high == 1.0
    assert map_picture(fractions, "own-maximum", edited_HW=np.ones((2, 2), np.uint8)).high == 1.0
