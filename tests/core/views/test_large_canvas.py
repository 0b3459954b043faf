from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.errors import Cancelled
from snip_gui.core.pruning.ranking import rank_scores
from snip_gui.core.views.arrangement import Arrangement
from snip_gui.core.views.large_canvas import BLOCK, LargeCanvas, LevelMade, aligned, make_level
from snip_gui.core.views.weight_canvas import weight_canvas
from snip_gui.core.views.weight_values import value_picture
from tests.core.sources import Unnested
from tests.core.toys import layout_of

SHAPE = (37, 90)  # no multiple of a block
LOOKS = ["mask", "kept-sensitivity", "sensitivity", "weight", "gradient", "leaves"]


@pytest.fixture(scope="module", params=["positive", "signed", "unnested"])
def scored(request):
    layout = layout_of((5, 7), SHAPE, (3, 37))
    rng = np.random.default_rng(0)
    score_M = rng.random(layout.num_parameters, np.float32) ** 6
    score_M[rng.random(score_M.shape) < 0.1] = 0
    weight_M = rng.normal(size=score_M.shape).astype(np.float32)
    if request.param == "signed":
        score_M -= score_M.mean()
    masks = Unnested(layout) if request.param == "unnested" else rank_scores(score_M, layout)
    return SimpleNamespace(
        masks=masks,
        score_name="sensitivity",
        layout=layout,
        weight_M=weight_M,
        gradient_M=weight_M[::-1].copy(),
    )


@pytest.fixture(params=["as it is", "sorted"])
def plane(request, scored):
    tensor = scored.layout.tensors[1]
    if request.param == "as it is":
        return Arrangement(tensor)
    rng = np.random.default_rng(1)
    return Arrangement(tensor, "kernels", rng.permutation(37), rng.permutation(90))


def small_picture(scored, plane, look, num_kept, factor):
    """The same as smaller layers are drawn."""
    canvas = weight_canvas(scored.masks, plane).reduced(factor)
    if look in ("weight", "gradient", "leaves"):
        return value_picture(scored, plane, look, canvas.block)
    return canvas.picture(num_kept, look)


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("factor", [1, 2])
def test_close_by_a_part_is_drawn_as_of_a_smaller_layer(scored, plane, look, factor):
    canvas = LargeCanvas(plane, scored)
    part = aligned((9, 21, 11, 30), factor, plane.size)
    top, left, height, width = part
    assert top <= 9
    assert left <= 21
    assert top + height >= 20
    found = canvas.part(look, 1_000, part, factor)
    whole = small_picture(scored, plane, look, 1_000, factor)
    if isinstance(whole, str):
        assert found == whole
        return
    assert (found.low, found.label, found.palette) == (whole.low, whole.label, whole.palette)
    rows = slice(top // factor, -(-(top + height) // factor))
    columns = slice(left // factor, -(-(left + width) // factor))
    if look == "kept-sensitivity":  # there a block of zeros alone is drawn, here it is not
        drawn = found.index_HW > 0
        np.testing.assert_array_equal(found.index_HW[drawn], whole.index_HW[rows, columns][drawn])
        return
    if look == "sensitivity" and found.scale == "log":
        np.testing.assert_array_equal(np.maximum(found.index_HW, 1), whole.index_HW[rows, columns])
        return
    assert found.high == whole.high
    np.testing.assert_allclose(found.index_HW.astype(int), whole.index_HW[rows, columns], atol=1)


def values_of(picture):
    """What the colours of a picture mean."""
    index_HW = np.maximum(picture.index_HW.astype(float), 1)
    return picture.low + (index_HW - 1) / 254 * (picture.high - picture.low)


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("factor", [4, 8, 16])
def test_from_afar_a_level_shows_what_the_blocks_hold(scored, plane, look, factor):
    level = LargeCanvas(plane, scored).level(look, 1_000, CancelToken())
    whole = small_picture(scored, plane, look, 1_000, factor)
    if isinstance(whole, str):
        assert level == whole
        return
    found = level.picture(factor)
    assert found.index_HW.shape == whole.index_HW.shape
    assert (found.label, found.palette, found.scale) == (whole.label, whole.palette, whole.scale)
    # Where the plane ends, a block of blocks is only nearly the mean of what it holds.
    inside = np.s_[: 37 // factor, : 90 // factor]
    one, other = (values_of(p)[inside] for p in (found, whole))
    np.testing.assert_allclose(one, other, atol=2 / 254 * (whole.high - whole.low))


def test_a_method_without_gradients_says_so(scored, plane):
    scored = SimpleNamespace(**(vars(scored) | {"gradient_M": None}))
    canvas = LargeCanvas(plane, scored)
    assert "no gradient" in canvas.part("gradient", 10, (0, 0, 4, 4), 1)
    (made,) = make_level(canvas, "gradient", 10, CancelToken())
    assert "no gradient" in made.level


def test_gathering_can_be_cancelled(scored, plane):
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        list(make_level(LargeCanvas(plane, scored), "mask", 10, cancel))


def test_a_job_ends_in_a_level_with_its_pictures(scored, plane):
    (made,) = make_level(LargeCanvas(plane, scored), "mask", 10, CancelToken())
    assert isinstance(made, LevelMade)
    assert made.level.num_kept == 10
    # All that can be asked for until the plane is one block.
    assert set(made.level._known) == {1, 2, 4, 8, 16}
    assert BLOCK * 32 > 90


def test_a_level_of_nothing_kept_has_a_picture(scored, plane):
    level = LargeCanvas(plane, scored).level("mask", 0, CancelToken())
    assert set(np.unique(level.picture(4).index_HW)) == {1}
