from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from snip_gui.core.base.errors import UserError
from snip_gui.core.graph.parameters import prunable_parameters
from snip_gui.core.methods.systems.han import (
    PruneAndRetrain,
    find_dropout,
    make_regime,
    prune,
    without_dead_units,
)
from snip_gui.core.pruning.events import Pruned
from snip_gui.core.pruning.masked_model import MaskedModel
from snip_gui.core.recipe.methods import Han
from snip_gui.core.recipe.recipe import ModelChoice, Recipe, Training
from snip_gui.core.recipe.training import Phase
from snip_gui.core.training.regime import Moment

SPEC = {"retrain_epochs": 1}


def small_network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(30, 20), nn.ReLU(), nn.Linear(20, 10))


def masked_with(model, prunable):
    masks = {t.name: np.ones(t.shape, bool) for t in prunable.layout.tensors}
    return MaskedModel(model, prunable, masks)


def start_of(phase):
    return Moment(step=10 * phase, num_steps=100, phase=phase, step_of_phase=0)


def kept_after(spec, factors, rounds=1, *, biases=False):
    """The masks after some rounds on weights that do not move, and the weights before them."""
    model = small_network()
    prunable = prunable_parameters(model, biases=biases)
    before = {name: p.detach().double().numpy().copy() for name, p in prunable.items()}
    masked = masked_with(model, prunable)
    regime = PruneAndRetrain(spec, prunable.layout, factors)
    counts = []
    for number in range(1, rounds + 1):
        masked.set_masks(regime.before_step(masked, start_of(number)).masks)
        counts.append(sum(masked.counts().values()))
    return {n: (m != 0).numpy() for n, m in masked.masks().items()}, before, counts


@pytest.mark.parametrize("quality", [(0.5,), (0.3, 1.2)])
def test_what_is_below_the_factor_times_the_deviation_of_its_layer_is_removed(quality):
    factors = quality if len(quality) == 2 else quality * 2
    masks, before, _ = kept_after(Han(quality=quality, **SPEC), factors)
    for factor, (name, values) in zip(factors, before.items(), strict=True):
        expected = np.abs(values) >= factor * np.sqrt(((values - values.mean()) ** 2).mean())
        np.testing.assert_array_equal(masks[name], expected)


def test_a_later_round_measures_the_remaining_connections():
    masks, before, counts = kept_after(Han(quality=(0.5,), rounds=2, **SPEC), (0.5, 0.5), 2)
    for name, values in before.items():
        first = np.abs(values) >= 0.5 * values.std()
        left = values[first]
        expected = first & (np.abs(values) >= 0.5 * left.std())
        np.testing.assert_array_equal(masks[name], expected)
    assert counts[1] < counts[0]


@pytest.mark.parametrize("rounds", [1, 2, 5])
@pytest.mark.parametrize("sparsity", [0.0, 0.5, 0.97])
def test_without_factors_rounds_come_out_at_the_sparsity(rounds, sparsity):
    spec = Han(sparsity=sparsity, rounds=rounds, **SPEC)
    masks, before, counts = kept_after(spec, (1.0, 1.0), rounds)
    total = sum(values.size for values in before.values())
    assert counts == [round(total * (1 - sparsity) ** (k / rounds)) for k in range(1, rounds + 1)]
    if rounds == 1 and sparsity:
        # One factor for all layers: every kept multiple is above every removed one.
        multiples = {n: np.abs(v) / v.std() for n, v in before.items()}
        kept = np.concatenate([multiples[n][masks[n]] for n in masks])
        removed = np.concatenate([multiples[n][~masks[n]] for n in masks])
        assert kept.min() >= removed.max()


def test_a_removed_weight_never_comes_back():
    model = small_network()
    prunable = prunable_parameters(model)
    masked = masked_with(model, prunable)
    regime = PruneAndRetrain(Han(sparsity=0.9, rounds=4, **SPEC), prunable.layout, (1.0,) * 4)
    before = masked.masks()
    for number in range(1, 5):
        masked.set_masks(regime.before_step(masked, start_of(number)).masks)
        for name, parameter in prunable.items():
            assert (masked.masks()[name] <= before[name]).all()
            with torch.no_grad():  # retrained to anything, even zero
                parameter.copy_(torch.randn_like(parameter).round())
        masked.zero_removed()
        before = masked.masks()


def test_nothing_is_removed_before_or_within_a_round():
    model = small_network()
    prunable = prunable_parameters(model)
    regime = PruneAndRetrain(Han(**SPEC), prunable.layout, (1.0,) * 4)
    masked = masked_with(model, prunable)
    assert regime.before_step(masked, start_of(0)) is None
    assert regime.before_step(masked, Moment(11, 100, 1, 1)) is None


@pytest.mark.parametrize("quality", [(), (50.0,)])
def test_a_minimum_per_layer_is_kept(quality):
    spec = Han(sparsity=0.97, quality=quality, rounds=1, floor=7, **SPEC)
    masks, before, _ = kept_after(spec, (quality or (1.0,)) * 2)
    for name, values in before.items():
        assert masks[name].sum() >= 7
        largest = np.argsort(-np.abs(values).ravel())[:7]
        assert masks[name].ravel()[largest].all()


def test_a_factor_that_leaves_nothing_is_refused():
    with pytest.raises(UserError) as caught:
        kept_after(Han(quality=(900.0,), **SPEC), (900.0, 900.0))
    assert caught.value.field == "pruning.quality"


def test_a_training_is_followed_by_a_retraining_for_each_round():
    recipe = Recipe(
        pruning=Han(rounds=2, retrain_epochs=3, retrain_rate=0.2),
        training=Training(epochs=7, added_epochs=4),
    )
    assert recipe.phases == (Phase(7, purpose="pretraining"), Phase(3, 0.2), Phase(3, 0.2))
    assert recipe.num_epochs == 17


@pytest.mark.parametrize("quality", [(1.0, 2.0), (1.0, 2.0, 3.0, 4.0)])
def test_a_wrong_number_of_factors_is_refused_with_the_layers(make_bench, quality):
    bench = make_bench(Recipe(pruning=Han(quality=quality)))
    for work in (make_regime, lambda bench: list(prune(bench))):
        with pytest.raises(UserError, match="fc1, fc2, fc3") as caught:
            work(bench)
        assert caught.value.field == "pruning.quality"


def test_the_preview_is_what_a_round_would_keep_of_the_weights_as_they_are(make_bench):
    bench = make_bench(Recipe(pruning=Han(sparsity=0.9, rounds=1, prunable="weights-and-biases")))
    *_, pruned = prune(bench)
    assert isinstance(pruned, Pruned)
    masked = masked_with(bench.model, bench.prunable)
    change = make_regime(bench).before_step(masked, start_of(1))
    num_kept = sum(int(mask.sum()) for mask in change.masks.values())
    for name, mask in pruned.masks.mask_at(num_kept).items():
        np.testing.assert_array_equal(change.masks[name].numpy(), mask)
    assert not pruned.masks.counts_at(num_kept)["fc1.bias"]  # of no deviation before any training
    assert f"{num_kept:,} of {bench.prunable.layout.num_parameters:,}" in change.text


def test_it_works_on_convolutions(make_bench):
    spec = Han(quality=(0.2, 0.4, 0.8, 0.6))
    bench = make_bench(Recipe(model=ModelChoice(name="lenet-5-caffe"), pruning=spec))
    masked = masked_with(bench.model, bench.prunable)
    change = make_regime(bench).before_step(masked, start_of(1))
    for factor, tensor in zip(spec.quality, bench.prunable.layout.tensors, strict=True):
        values = dict(bench.prunable.items())[tensor.name].detach().double().numpy()
        kept = change.masks[tensor.name].numpy()
        np.testing.assert_array_equal(kept, np.abs(values) >= factor * values.std())


def test_a_layer_with_one_weight_left_gets_none_back():
    """One weight has no deviation, and a threshold of zero removes nothing."""
    model = small_network()
    prunable = prunable_parameters(model, biases=False)
    with torch.no_grad():
        for parameter in prunable.parameters:
            parameter.zero_()[0, 0] = 1.0
    masked = masked_with(model, prunable)
    regime = PruneAndRetrain(Han(quality=(1.0,), rounds=2, **SPEC), prunable.layout, (1.0, 1.0))
    for number in (1, 2):
        masked.set_masks(regime.before_step(masked, start_of(number)).masks)
        assert set(masked.counts().values()) == {1}


def test_the_l1_penalty_pulls_weights_but_not_biases():
    model = small_network()
    prunable = prunable_parameters(model)
    masked = masked_with(model, prunable)
    for parameter in prunable.parameters:
        parameter.grad = torch.ones_like(parameter)
    PruneAndRetrain(Han(l1=0.25, **SPEC), prunable.layout, (1.0,) * 4).change_gradients(masked)
    for name, parameter in prunable.items():
        pull = 0.25 * parameter.detach().sign() if name.endswith("weight") else 0
        assert torch.equal(parameter.grad, 1 + pull * torch.ones_like(parameter))


def test_units_without_an_input_or_an_output_vanish_with_what_they_leave_behind():
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    masks = {
        "0.weight": np.array([[1, 1, 0], [0, 0, 0], [1, 0, 1], [0, 1, 1]], bool),
        "2.weight": np.array([[1, 1, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]], bool),
        "4.weight": np.array([[1, 1, 0], [1, 0, 0]], bool),
    }
    found = without_dead_units(model, masks, torch.rand(2, 3))
    # Unit 1 has no input and unit 3 no output; then the second layer's unit 1 has no input, and
    # its unit 2 no output, so that unit 2 of the first has none either.
    assert found["0.weight"].tolist() == [[1, 1, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0]]
    assert found["2.weight"].tolist() == [[1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    assert found["4.weight"].tolist() == [[1, 0, 0], [1, 0, 0]]


def test_a_round_drops_dead_units(make_bench):
    spec = Han(sparsity=0.995, rounds=1, drop_units=True)
    bench = make_bench(Recipe(pruning=spec))
    change = make_regime(bench).before_step(masked_with(bench.model, bench.prunable), start_of(1))
    first, second = (change.masks[f"fc{k}.weight"].numpy() for k in (1, 2))
    assert 0 < sum(int(mask.sum()) for mask in change.masks.values()) < round(266_200 * 0.005)
    np.testing.assert_array_equal(first.any(1), second.any(0))


def test_rates_of_dropout_follow_the_square_root_of_what_is_kept():
    model = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 2), nn.Dropout(0.3))
    prunable = prunable_parameters(model, biases=False)
    regime = PruneAndRetrain(Han(quality=(0.01,), **SPEC), prunable.layout, (0.01, 0.01))
    regime.rates = find_dropout(model, prunable.layout)
    masked = masked_with(model, prunable)
    with torch.no_grad():
        model[2].weight.view(-1)[:12] = 0.0
    regime.before_step(masked, start_of(1))
    assert model[1].p == pytest.approx(0.5 * 0.25**0.5)
    assert model[3].p == 0.3
    state, model[1].p = regime.state(), 0.9
    regime.load_state(state)
    assert model[1].p == pytest.approx(0.25)
