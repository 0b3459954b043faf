from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.methods import scoring as jobs
from snip_gui.core.pruning.events import ScoringDone
from snip_gui.core.recipe.methods import RandomMask
from snip_gui.core.recipe.recipe import Draw, ModelChoice, Recipe
from snip_gui.core.views.arrangement import Arrangement
from snip_gui.core.views.weight_values import NOT_NESTED, block_means, value_picture
from tests.core.masks import LENET, layout_named, scored_with
from tests.core.sources import Unnested


@pytest.fixture
def score(digits, environment):
    def do(recipe):
        events = jobs.score_steps(recipe, environment, digits, CancelToken())
        return next(event for event in events if isinstance(event, ScoringDone)).scored

    return do


@pytest.mark.parametrize("what", ["weight", "gradient"])
def test_signed_values_keep_sign_and_order(score, what):
    scored = score(Recipe(minibatch=Draw(size=20)))
    tensor = scored.layout["fc2.weight"]
    picture = value_picture(scored, Arrangement(tensor), what)
    flat = scored.weight_M if what == "weight" else scored.gradient_M
    values = flat[tensor.offset : tensor.end].reshape(tensor.shape)
    assert picture.palette == "diverging"
    assert picture.low == -picture.high
    inside = np.abs(values) < picture.high
    assert 0.98 < inside.mean() < 1  # a few outliers only are clipped
    step = 2 * picture.high / 254
    shown = picture.low + (picture.index_HW.astype(float) - 1) * step
    np.testing.assert_allclose(shown[inside], values[inside], atol=0.51 * step)
    assert (picture.index_HW[values > 2 * step] > 128).all()
    assert (picture.index_HW[values < -2 * step] < 128).all()


def test_the_sparsity_at_which_a_connection_goes(score):
    scored = score(Recipe(minibatch=Draw(size=20)))
    tensor = scored.layout["fc3.weight"]
    picture = value_picture(scored, Arrangement(tensor), "leaves")
    assert (picture.low, picture.high) == (0, 1)
    for num_kept in (50, 26_661, 200_000):
        sparsity = 1 - num_kept / scored.layout.num_parameters
        shown = (picture.index_HW.astype(float) - 1) / 254
        kept = scored.ranking.get_mask(tensor, num_kept)
        # Kept are those that go at a higher sparsity, but for the width of one colour.
        assert (shown[kept] >= sparsity - 1 / 254).all()
        assert (shown[~kept] <= sparsity + 1 / 254).all()


def test_kernels_lie_as_on_the_canvas(score):
    scored = score(Recipe(model=ModelChoice(name="lenet-5-caffe"), minibatch=Draw(size=10)))
    tensor = scored.layout["conv1.weight"]
    picture = value_picture(scored, Arrangement(tensor), "weight")
    assert (picture.index_HW == 0).any()  # the gaps between kernels
    weight = scored.weight_M[tensor.offset : tensor.end].reshape(tensor.shape)
    first = picture.index_HW[:5, :5].astype(float)
    assert np.corrcoef(first.ravel(), weight[0, 0].ravel())[0, 1] > 0.99


def test_a_method_without_gradients_says_so(score):
    scored = score(Recipe(pruning=RandomMask()))
    sentence = value_picture(scored, Arrangement(scored.layout["fc1.weight"]), "gradient")
    assert "no gradient" in sentence


@pytest.mark.parametrize("block", [(2, 3), (4, 4), (7, 5), (1, 2)])
def test_means_of_blocks(block):
    values = np.random.default_rng(0).random((7, 10), np.float32)
    found = block_means(values, block)
    for row, column in np.ndindex(found.shape):
        part = values[row * block[0] : (row + 1) * block[0]]
        part = part[:, column * block[1] : (column + 1) * block[1]]
        assert found[row, column] == pytest.approx(part.mean(), rel=1e-5)


def test_zero_weights_have_a_picture(score):
    scored = score(Recipe(minibatch=Draw(size=5)))
    scored = dataclasses.replace(scored, weight_M=np.zeros_like(scored.weight_M))
    picture = value_picture(scored, Arrangement(scored.layout["fc3.weight"]), "weight")
    assert len(np.unique(picture.index_HW)) == 1


def test_masks_that_do_not_nest_have_no_sparsity_at_which_a_connection_goes():
    scored = scored_with(Unnested(layout_named(LENET)))
    assert value_picture(scored, Arrangement(scored.layout.tensors[0]), "leaves") == NOT_NESTED
