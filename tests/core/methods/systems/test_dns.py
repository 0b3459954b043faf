from __future__ import annotations

import numpy as np
import pytest
import torch

from snip_gui.core.base.errors import MethodError, UserError
from snip_gui.core.methods.systems.dns import magnitudes, make_regime, splice
from snip_gui.core.recipe.methods import Surgery
from snip_gui.core.recipe.recipe import Recipe, Training
from snip_gui.core.recipe.training import Phase
from tests.core.methods.systems.benches import masked_of, moment, small_bench


def test_magnitudes_are_measured_where_weights_are_not_zero():
    weights = [torch.tensor([[3.0, 0.0], [-1.0, 2.0]]), torch.tensor([0.0, -6.0])]
    assert magnitudes(weights) == pytest.approx((3.0, np.sqrt(3.5)))
    assert magnitudes([torch.zeros(3)]) == (0.0, 0.0)


def test_a_splicing_update_is_that_of_hand_computed_values():
    weights = torch.tensor([0.85, -0.85, 0.95, -1.05, 0.95, 1.15, -1.15, 0.0])
    mask = torch.tensor([1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 1.0])
    # Below 0.9 removed; between 0.9 and 1.1 as before; above 1.1 kept.
    expected = torch.tensor([0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 0.0])
    assert torch.equal(splice(weights, mask, 1.0), expected)


def test_a_threshold_of_zero_keeps_all_but_zeros():
    weights = torch.tensor([0.1, -0.1, 0.0])
    assert torch.equal(splice(weights, torch.zeros(3), 0.0), torch.tensor([1.0, 1.0, 0.0]))


def test_surgery_follows_the_published_rules_and_weights_come_back():
    """Thresholds are set once, per layer with its biases; masks follow all weights since."""
    bench = small_bench(Surgery(c_rate=(0.5, -0.5), gamma=0.0, splice_steps=50))
    masked, regime = masked_of(bench, "shadow"), make_regime(bench)
    layout = bench.prunable.layout
    whole = {n: v.double().numpy().copy() for n, v in masked.shadows().items()}
    limits = {}
    for layer, factor in zip(layout.layers, (0.5, -0.5), strict=True):
        parts = [np.abs(whole[t.name]).ravel() for t in layout.get_tensors(layer)]
        size = np.concatenate(parts)
        size = size[size > 0]
        limits[layer] = max(0.0, size.mean() + factor * size.std())
    expected = {name: np.ones(values.shape, bool) for name, values in whole.items()}
    rng, came_back = np.random.default_rng(0), 0
    for within in range(6):
        masked.set_masks(regime.before_step(masked, moment(1, within)).masks, "shadow")
        for tensor in layout.tensors:
            size, before = np.abs(whole[tensor.name]), expected[tensor.name]
            after = np.where(size <= 0.9 * limits[tensor.layer], False, before)
            after = np.where(size > 1.1 * limits[tensor.layer], True, after)
            came_back += int((after & ~before).sum())
            expected[tensor.name] = after
            assert np.array_equal(masked.masks()[tensor.name].numpy() != 0, after)
        for name, shadow in masked.shadows().items():  # a step of training moves all weights
            moved = rng.normal(0, 0.1, shadow.shape).astype(np.float32)
            whole[name] = (shadow.numpy() + moved).astype(np.float64)
            shadow.add_(torch.from_numpy(moved))
    assert came_back


def test_masks_change_ever_more_rarely_and_not_after_the_last_step():
    bench = small_bench(Surgery(gamma=0.01, power=2.0, splice_steps=400))
    masked, regime = masked_of(bench, "shadow"), make_regime(bench)
    regime.before_step(masked, moment(1))
    changed = [regime.before_step(masked, moment(1, step)) is not None for step in range(1, 500)]
    share = sum((1 + 0.01 * step) ** -2 for step in range(1, 400))
    assert sum(changed) == pytest.approx(share, abs=4 * np.sqrt(share))
    assert not any(changed[399:])
    again = make_regime(bench)
    again.load_state(regime.state())
    repeated = [again.before_step(masked, moment(1, step)) is not None for step in range(1, 500)]
    assert repeated == changed


def test_nothing_changes_during_the_dense_training():
    bench = small_bench(Surgery())
    masked, regime = masked_of(bench, "shadow"), make_regime(bench)
    assert regime.before_step(masked, moment(0)) is None
    assert regime.state() == {}


def test_thresholds_that_remove_everything_are_refused():
    bench = small_bench(Surgery(c_rate=(50.0,)))
    masked, regime = masked_of(bench, "shadow"), make_regime(bench)
    with pytest.raises(MethodError, match="every connection") as caught:
        regime.before_step(masked, moment(1))
    assert caught.value.field == "pruning.c_rate"


def test_a_sparsity_is_refused_with_what_to_set_instead():
    with pytest.raises(UserError, match="outcome") as caught:
        make_regime(small_bench(Surgery(sparsity=0.9)))
    assert (caught.value.field, caught.value.proposal) == ("pruning.sparsity", 0.0)


def test_a_wrong_number_of_factors_is_refused_with_the_layers():
    with pytest.raises(UserError, match="0, 2") as caught:
        make_regime(small_bench(Surgery(c_rate=(1.0, 2.0, 3.0))))
    assert caught.value.field == "pruning.c_rate"


def test_a_dense_training_is_followed_by_surgery():
    recipe = Recipe(pruning=Surgery(surgery_epochs=4), training=Training(epochs=3))
    assert recipe.phases == (Phase(3, purpose="pretraining"), Phase(4, purpose="pruning"))
