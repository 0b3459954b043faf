from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from snip_gui.core.base.errors import MethodError, UserError
from snip_gui.core.methods.systems import l0
from snip_gui.core.methods.systems.changed_layers import forward_changed
from snip_gui.core.methods.systems.l0 import chance_open, final_gate, make_regime, sample_gate
from snip_gui.core.recipe.methods import HardConcrete
from snip_gui.core.recipe.recipe import ModelChoice, Recipe, Training
from tests.core.methods.systems.benches import masked_of, moment

ADAM = Training(optimizer="adam", learning_rate=0.001)


def recipe_with(model="lenet-300-100", training=ADAM, **settings):
    return Recipe(
        model=ModelChoice(name=model), pruning=HardConcrete(**settings), training=training
    )


@pytest.mark.parametrize(("u", "log_a"), [(0.5, 0.0), (0.02, 1.0), (0.97, -0.5), (0.3, 3.0)])
def test_a_gate_is_that_of_the_formulas(monkeypatch, u, log_a):
    scaled = (u - 1e-6) / (1 - 2e-6)
    monkeypatch.setattr(l0.torch, "rand_like", lambda values: torch.full_like(values, scaled))
    s = 1 / (1 + math.exp(-(math.log(u) - math.log(1 - u) + log_a) / (2 / 3)))
    expected = min(1.0, max(0.0, s * 1.2 - 0.1))
    log = torch.tensor([log_a], dtype=torch.float64)
    assert float(sample_gate(log)) == pytest.approx(expected)
    still = 1 / (1 + math.exp(-log_a))
    assert float(final_gate(log)) == pytest.approx(min(1.0, max(0.0, still * 1.2 - 0.1)))


@pytest.mark.parametrize("log_a", [-2.0, 0.0, 2.0])
def test_the_chance_is_how_often_gates_are_open(log_a):
    torch.manual_seed(0)
    drawn = sample_gate(torch.full((200_000,), log_a))
    chance = 1 / (1 + math.exp(-(log_a - 2 / 3 * math.log(0.1 / 1.1))))
    assert float(chance_open(torch.tensor(log_a))) == pytest.approx(chance)
    assert float((drawn > 0).float().mean()) == pytest.approx(chance, abs=0.005)


def test_the_penalty_counts_weights(make_bench):
    bench = make_bench(recipe_with(l0_weight=(0.1, 0.2, 0.4)))
    regime = make_regime(bench)
    expected, number = 0.0, len(bench.split.train_indices)
    for layer, outputs, factor in (("fc1", 300, 0.1), ("fc2", 100, 0.2), ("fc3", 10, 0.4)):
        log_a = regime.parameters()[f"log_a.{layer}"].detach().double().numpy()
        open_ = 1 / (1 + np.exp(-(log_a - 2 / 3 * np.log(0.1 / 1.1))))
        expected += factor * outputs * open_.sum() / number
    assert float(regime.penalty(masked_of(bench)).detach()) == pytest.approx(expected, rel=1e-5)


def test_gates_start_half_open_and_inputs_at_four_fifths(make_bench):
    means = {n: float(p.mean()) for n, p in make_regime(make_bench(recipe_with())).state().items()}
    assert means["log_a.fc1"] == pytest.approx(math.log(4), abs=0.01)
    assert means["log_a.fc2"] == pytest.approx(0, abs=0.01)
    first = make_regime(make_bench(recipe_with("lenet-5-caffe"))).state()
    assert {n: len(v) for n, v in first.items()} == {
        "log_a.conv1": 20, "log_a.conv2": 50, "log_a.fc1": 800, "log_a.fc2": 500
    }  # fmt: skip
    assert float(first["log_a.conv1"].mean()) == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("model", ["lenet-300-100", "lenet-5-caffe"])
@pytest.mark.parametrize("prunable", ["weights-and-biases", "weights"])
def test_the_outcome_computes_what_the_gated_network_does(make_bench, monkeypatch, model, prunable):
    """With gates of evaluation in place of random ones; removed groups are zero throughout."""
    bench = make_bench(recipe_with(model, prunable=prunable))
    regime, masked = make_regime(bench), masked_of(bench)
    with torch.no_grad():
        for number, log_a in enumerate(regime.parameters().values()):
            log_a.copy_(torch.linspace(-4, 4, len(log_a)) + number)
        for parameter in bench.model.parameters():
            parameter.add_(0.1)  # biases too
    monkeypatch.setattr(l0, "sample_gate", final_gate)
    images, _ = bench.training_batches().batch(torch.arange(5))
    gated = regime.forward(bench.model, images)
    outcome = regime.outcome(masked)
    masked.show_outcome(outcome.masks, outcome.weights)
    torch.testing.assert_close(bench.model(images), gated, rtol=1e-4, atol=1e-4)
    first = "fc1" if model == "lenet-300-100" else "conv1"
    closed = (final_gate(regime.parameters()[f"log_a.{first}"]) == 0).sum()
    weight = bench.model.get_submodule(first).weight
    axes = [axis for axis in range(weight.dim()) if axis != (1 if first == "fc1" else 0)]
    assert 0 < int((weight.abs().sum(axes) == 0).sum()) == int(closed)


def test_parameters_stay_within_bounds(make_bench):
    bench = make_bench(recipe_with())
    regime = make_regime(bench)
    with torch.no_grad():
        for log_a in regime.parameters().values():
            log_a[0], log_a[1] = 99.0, -99.0
    regime.before_step(masked_of(bench), moment(0))
    for log_a in regime.parameters().values():
        assert log_a[:2].tolist() == pytest.approx([math.log(100), math.log(0.01)])


def test_recurrent_networks_sgd_and_sparsities_are_refused(make_bench):
    cases = {
        "training.optimizer": recipe_with(training=Training()),
        "pruning.sparsity": recipe_with(sparsity=0.9),
        "pruning.exclude": recipe_with("lstm-s"),
    }
    for field, recipe in cases.items():
        with pytest.raises(UserError) as caught:
            make_regime(make_bench(recipe))
        assert caught.value.field == field


def test_a_layer_that_is_not_called_is_refused():
    class Sideways(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(3, 2)

        def forward(self, inputs):
            return inputs @ self.fc.weight.T

    with pytest.raises(MethodError, match="fc"):
        forward_changed(Sideways(), torch.ones(1, 3), {"fc": lambda values: values}, {})
