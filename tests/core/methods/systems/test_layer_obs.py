from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from snip_gui.core.base.errors import MethodError, UserError
from snip_gui.core.graph.layout import num_kept_at
from snip_gui.core.methods.systems.layer_obs import (
    apportion,
    input_rows,
    kept_by_layer,
    layer_hessians,
    make_regime,
)
from snip_gui.core.recipe.methods import LayerSurgeon
from snip_gui.core.recipe.recipe import ModelChoice, Recipe
from tests.core.methods.systems.benches import masked_of, moment, small_bench


def test_numbers_are_apportioned_exactly():
    assert apportion(10, [1, 1, 1]) == [4, 3, 3]
    assert sum(apportion(26_620, [235_200, 30_000, 1_000])) == 26_620


@pytest.mark.parametrize("rounds", [1, 3])
def test_rounds_come_out_at_the_sparsity(rounds):
    layout = small_bench().prunable.layout
    spec = LayerSurgeon(sparsity=0.9, rounds=rounds)
    totals = [sum(kept_by_layer(spec, layout, k).values()) for k in range(1, rounds + 1)]
    assert totals == sorted(totals, reverse=True)
    assert totals[-1] == num_kept_at(0.9, layout.num_parameters)


def test_fractions_of_layers_are_kept():
    layout = small_bench(LayerSurgeon()).prunable.layout
    kept = kept_by_layer(LayerSurgeon(kept=(0.25, 0.5), rounds=2), layout, 2)
    assert kept == {"0": 150, "2": 100}
    assert kept_by_layer(LayerSurgeon(kept=(0.25, 0.25), rounds=2), layout, 1)["0"] == 300


def test_inputs_of_a_convolution_are_its_patches():
    convolution = nn.Conv2d(2, 3, 3, stride=2, padding=1)
    images = torch.randn(4, 2, 7, 5)
    rows = input_rows(convolution, images)
    weight = torch.cat([convolution.weight.flatten(1), convolution.bias[:, None]], 1)
    outputs = (rows @ weight.double().T).reshape(4, -1, 3).transpose(1, 2)
    torch.testing.assert_close(
        outputs.reshape(4, 3, 4, 3), convolution(images).double(), rtol=1e-5, atol=1e-5
    )


def test_hessians_are_means_over_all_training_images(make_bench):
    bench = make_bench(Recipe(pruning=LayerSurgeon()))
    found = layer_hessians(bench, bench.model)
    images = bench.training_batches()
    inputs, _ = images.batch(torch.arange(len(images)))
    rows = torch.cat([inputs.flatten(1), torch.ones(len(images), 1)], 1).double().numpy()
    np.testing.assert_allclose(found["fc1"].numpy(), rows.T @ rows / len(rows), atol=1e-9)
    assert found["fc3"].shape == (101, 101)
    assert not any(module._forward_pre_hooks for module in bench.model.modules())


def test_a_round_keeps_its_numbers_and_corrects_the_biases(make_bench):
    bench = make_bench(Recipe(pruning=LayerSurgeon(kept=(0.2, 0.5), exclude=("fc1",))))
    masked = masked_of(bench)
    bias = bench.model.fc3.bias.detach().clone()
    change = make_regime(bench).before_step(masked, moment(1))
    counts = {name: int(mask.sum()) for name, mask in change.masks.items()}
    assert counts == {"fc2.weight": 6_000, "fc3.weight": 500}
    assert not torch.equal(bench.model.fc3.bias, bias)
    for name, parameter in masked.prunable.items():
        assert not parameter[~change.masks[name]].any()


def test_corrected_layers_err_less_than_layers_without_small_weights(make_bench):
    bench = make_bench(Recipe(pruning=LayerSurgeon(kept=(0.3,), exclude=("fc1", "fc2"))))
    hessian = layer_hessians(bench, bench.model)["fc3"].numpy()
    before = bench.model.fc3.weight.detach().double().numpy().copy()
    size = np.abs(before)
    cut = np.where(size >= np.sort(size, axis=None)[-300], before, 0) - before
    make_regime(bench).before_step(masked_of(bench), moment(1))
    after = bench.model.fc3.weight.detach().double().numpy() - before
    moved = np.concatenate([after, bench.model.fc3.bias.detach().numpy()[:, None]], 1)
    plain = np.concatenate([cut, np.zeros((10, 1))], 1)
    errors = [np.einsum("oi,ij,oj->", step, hessian, step) for step in (moved, plain)]
    assert errors[0] < 0.8 * errors[1]


def test_nothing_is_removed_in_the_dense_phase(make_bench):
    bench = make_bench(Recipe(pruning=LayerSurgeon()))
    assert make_regime(bench).before_step(masked_of(bench), moment(0)) is None


def test_a_singular_hessian_asks_for_damping(make_bench):
    """Pixels of the border are the same in all images."""
    bench = make_bench(Recipe(pruning=LayerSurgeon(damping=0.0)))
    with pytest.raises(MethodError, match="singular") as caught:
        make_regime(bench).before_step(masked_of(bench), moment(1))
    assert caught.value.field == "pruning.damping"


def test_layers_of_other_kinds_are_refused(make_bench):
    bench = make_bench(Recipe(model=ModelChoice(name="gru-s"), pruning=LayerSurgeon()))
    with pytest.raises(UserError, match="layer-obs") as caught:
        make_regime(bench)
    assert caught.value.field == "pruning.exclude"
