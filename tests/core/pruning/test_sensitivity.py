from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from snip_gui.core.base.errors import UserError
from snip_gui.core.graph.parameters import prunable_parameters
from snip_gui.core.models.init import initialise
from snip_gui.core.models.paper.lenet import LeNet5Caffe, LeNet300100
from snip_gui.core.pruning.ranking import rank_scores
from snip_gui.core.pruning.sensitivity import connection_sensitivity, flat_weights
from snip_gui.core.recipe.recipe import ModelChoice, Recipe
from tests.core.toys import conv_net_with_batch, smooth_conv_net, smooth_mlp


def mlp_batch():
    torch.manual_seed(3)
    return torch.randn(9, 6, dtype=torch.float64), torch.arange(9) % 3


def conv_batch():
    _, inputs, labels = conv_net_with_batch()
    return inputs, labels


def finite_differences(model, prunable, inputs, labels, step=1e-4):
    """dL/dc by central differences: each connection is multiplied by 1 + step and 1 - step."""
    differences = []
    with torch.no_grad():
        for parameter in prunable.parameters:
            flat = parameter.view(-1)
            for j in range(len(flat)):
                weight = flat[j].item()
                losses = []
                for factor in (1 + step, 1 - step):
                    flat[j] = factor * weight
                    losses.append(functional.cross_entropy(model(inputs), labels).item())
                flat[j] = weight
                differences.append((losses[0] - losses[1]) / (2 * step))
    return np.array(differences)


def explicit_masks(model, prunable, inputs, labels):
    """Sensitivities by another way: masks multiplied into the weights, and differentiated."""
    masks = [torch.ones_like(p, requires_grad=True) for p in prunable.parameters]
    state = dict(model.named_parameters()) | {
        name: p.detach() * mask for (name, p), mask in zip(prunable.items(), masks, strict=True)
    }
    loss = functional.cross_entropy(torch.func.functional_call(model, state, (inputs,)), labels)
    loss.backward()
    signed_M = torch.cat([mask.grad.reshape(-1) for mask in masks]).double().numpy()
    return np.abs(signed_M) / np.abs(signed_M).sum()


def set_norm_mode(model, mode):
    model.eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.train(mode == "training")


@pytest.mark.parametrize(
    ("model", "batch", "mode"),
    [
        (smooth_mlp(), mlp_batch(), "evaluation"),
        (smooth_conv_net(), conv_batch(), "evaluation"),
        (smooth_conv_net(), conv_batch(), "training"),
    ],
    ids=["mlp", "conv-evaluation", "conv-training"],
)
def test_sensitivity_is_the_derivative_by_the_mask(model, batch, mode):
    prunable = prunable_parameters(model)
    found = connection_sensitivity(model, prunable, *batch, mode=mode)
    set_norm_mode(model, mode)
    expected_M = finite_differences(model, prunable, *batch)
    signed_M = flat_weights(prunable).astype(float) * found.gradient_M
    # What cancels exactly (a bias before BatchNorm) leaves only rounding: 1e-9 of a unit loss.
    np.testing.assert_allclose(signed_M, expected_M, rtol=1e-4, atol=1e-9)
    np.testing.assert_allclose(
        found.sensitivity_M, np.abs(expected_M) / np.abs(expected_M).sum(), rtol=1e-4, atol=1e-9
    )


def test_the_two_modes_of_batchnorm_score_differently():
    model, batch = smooth_conv_net(), conv_batch()
    prunable = prunable_parameters(model)
    evaluation = connection_sensitivity(model, prunable, *batch, mode="evaluation")
    training = connection_sensitivity(model, prunable, *batch, mode="training")
    assert np.abs(evaluation.sensitivity_M - training.sensitivity_M).max() > 1e-3


@pytest.mark.parametrize("name", ["lenet-300-100", "lenet-5-caffe"])
def test_sensitivity_agrees_with_explicit_masks(make_bench, name):
    bench = make_bench(Recipe(model=ModelChoice(name=name)))
    _, inputs, labels = bench.minibatch
    found = connection_sensitivity(bench.model, bench.prunable, inputs, labels)
    expected_M = explicit_masks(bench.model, bench.prunable, inputs, labels)
    np.testing.assert_allclose(found.sensitivity_M, expected_M, rtol=1e-3, atol=1e-9)
    assert found.loss == pytest.approx(
        functional.cross_entropy(bench.model(inputs), labels).item(), rel=1e-5
    )


@pytest.mark.parametrize("name", ["lenet-300-100", "lenet-5-caffe"])
def test_sensitivities_sum_to_one(make_bench, name):
    bench = make_bench(Recipe(model=ModelChoice(name=name)))
    _, inputs, labels = bench.minibatch
    found = connection_sensitivity(bench.model, bench.prunable, inputs, labels)
    assert found.sensitivity_M.dtype == np.float32
    assert found.sensitivity_M.sum(dtype=np.float64) == pytest.approx(1, abs=1e-6)
    assert found.sensitivity_M.min() >= 0


def test_zero_biases_score_exactly_zero(bench):
    _, inputs, labels = bench.minibatch
    found = connection_sensitivity(bench.model, bench.prunable, inputs, labels)
    for tensor in bench.prunable.layout.tensors:
        if not tensor.is_weight:
            assert not found.sensitivity_M[tensor.offset : tensor.end].any()
            assert found.gradient_M[tensor.offset : tensor.end].any()


@pytest.mark.parametrize("pass_size", [None, 7])
def test_images_stay_as_they_were_though_the_first_layer_works_in_place(pass_size):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.ReLU(inplace=True), nn.Linear(4, 3))
    inputs, labels = torch.randn(20, 1, 2, 2), torch.arange(20) % 3
    before = inputs.clone()
    prunable = prunable_parameters(model)
    once, again = (
        connection_sensitivity(model, prunable, inputs, labels, pass_size=pass_size)
        for _ in range(2)
    )
    assert torch.equal(inputs, before)
    np.testing.assert_array_equal(once.sensitivity_M, again.sensitivity_M)


@pytest.mark.parametrize("pass_size", [1, 7, 50, 1000])
def test_several_passes_equal_one(bench, pass_size):
    _, inputs, labels = bench.minibatch
    whole = connection_sensitivity(bench.model, bench.prunable, inputs, labels)
    parts = connection_sensitivity(bench.model, bench.prunable, inputs, labels, pass_size=pass_size)
    # Single precision in another order of summation: compared with the typical score.
    atol = 1e-3 / len(whole.sensitivity_M)
    np.testing.assert_allclose(parts.sensitivity_M, whole.sensitivity_M, rtol=1e-3, atol=atol)
    assert parts.loss == pytest.approx(whole.loss, rel=1e-5)


def test_several_passes_add_signed_gradients():
    # Two images with the same pixels and opposite labels: their gradients cancel in part, which
    # adding magnitudes would miss.
    model = smooth_mlp()
    prunable = prunable_parameters(model)
    image, _ = mlp_batch()
    inputs, labels = image[:1].repeat(3, 1), torch.tensor([0, 1, 2])
    whole = connection_sensitivity(model, prunable, inputs, labels)
    parts = connection_sensitivity(model, prunable, inputs, labels, pass_size=1)
    np.testing.assert_allclose(parts.sensitivity_M, whole.sensitivity_M, rtol=1e-5)


@pytest.mark.parametrize("mode", ["evaluation", "training"])
def test_scoring_leaves_the_network_as_it_was(mode):
    model, (inputs, labels) = smooth_conv_net(), conv_batch()
    model.train()
    model[4].eval()  # a mixture, to be restored module by module
    for number, parameter in enumerate(model.parameters()):
        parameter.grad = torch.full_like(parameter, float(number))
    state = {name: value.clone() for name, value in model.state_dict().items()}
    modes = [module.training for module in model.modules()]
    connection_sensitivity(model, prunable_parameters(model), inputs, labels, mode=mode)
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    for number, parameter in enumerate(model.parameters()):
        assert torch.equal(parameter.grad, torch.full_like(parameter, float(number)))


def test_a_failure_while_scoring_restores_the_network():
    model, (inputs, _) = smooth_conv_net(), conv_batch()
    model.train()
    state = {name: value.clone() for name, value in model.state_dict().items()}
    labels = torch.full((len(inputs),), 99)  # no such class
    with pytest.raises(IndexError):
        connection_sensitivity(model, prunable_parameters(model), inputs, labels, mode="training")
    assert all(module.training for module in model.modules())
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("mode", ["evaluation", "training"])
def test_dropout_is_off_while_scoring(mode):
    inputs, labels = mlp_batch()

    def scores(p):
        torch.manual_seed(5)
        model = nn.Sequential(
            nn.Linear(6, 5), nn.BatchNorm1d(5), nn.Dropout(p), nn.Tanh(), nn.Linear(5, 3)
        ).double()
        found = connection_sensitivity(
            model.train(), prunable_parameters(model), inputs, labels, mode=mode
        )
        return found.sensitivity_M

    np.testing.assert_array_equal(scores(0.5), scores(0.0))


def test_one_image_with_batchnorm_in_training_mode_is_refused():
    model, (inputs, labels) = smooth_conv_net(), conv_batch()
    with pytest.raises(UserError, match="BatchNorm") as caught:
        connection_sensitivity(
            model, prunable_parameters(model), inputs[:1], labels[:1], mode="training"
        )
    assert caught.value.field == "pruning.scoring_mode"


def test_one_image_without_batchnorm_is_scored_in_either_mode():
    model, (inputs, labels) = smooth_mlp(), mlp_batch()
    prunable = prunable_parameters(model)
    found = connection_sensitivity(model, prunable, inputs[:1], labels[:1], mode="training")
    assert found.sensitivity_M.sum() == pytest.approx(1)


def test_an_empty_minibatch_is_refused():
    model, (inputs, labels) = smooth_mlp(), mlp_batch()
    with pytest.raises(UserError, match="empty") as caught:
        connection_sensitivity(model, prunable_parameters(model), inputs[:0], labels[:0])
    assert caught.value.field == "minibatch"


def test_all_zero_weights_are_refused():
    model, batch = smooth_mlp(), mlp_batch()
    for parameter in model.parameters():
        nn.init.zeros_(parameter)
    with pytest.raises(UserError, match="zero"):
        connection_sensitivity(model, prunable_parameters(model), *batch)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_weight_that_is_not_finite_is_refused_by_name(bad):
    model = LeNet300100((1, 28, 28), 10)
    initialise(model, "he", 0)
    with torch.no_grad():
        model.fc2.weight[3, 4] = bad
    with pytest.raises(UserError, match=r"fc2\.weight"):
        connection_sensitivity(
            model, prunable_parameters(model), torch.randn(4, 1, 28, 28), torch.arange(4)
        )


def test_images_that_are_no_numbers_are_refused(bench):
    _, inputs, labels = bench.minibatch
    inputs = inputs.clone()
    inputs[0, 0, 5, 5] = float("nan")
    found = connection_sensitivity(bench.model, bench.prunable, inputs, labels)
    with pytest.raises(UserError, match="is not finite"):
        rank_scores(found.sensitivity_M, bench.prunable.layout)


@pytest.mark.parametrize("network", [LeNet300100, LeNet5Caffe])
def test_signed_sums_of_layers_agree_without_biases(network, digits):
    # A network of ReLU and max pooling is homogeneous in each layer's weights, so that the sum of
    # w dL/dw over a layer is the same for all layers (Tanaka et al. 2020, theorem 2).
    model = network((1, 28, 28), 10)
    initialise(model, "variance-scaling", 7)
    model.double()
    images = torch.from_numpy(digits.train_images.read(range(20)).astype(float)) / 255 - 0.1
    labels = torch.from_numpy(digits.train_labels_N[:20].copy())
    prunable = prunable_parameters(model, biases=False)
    found = connection_sensitivity(model, prunable, images, labels)
    product_M = flat_weights(prunable).astype(float) * found.gradient_M
    sums = [product_M[t.offset : t.end].sum() for t in prunable.layout.tensors]
    assert abs(sums[0]) > 1e-3
    np.testing.assert_allclose(sums, sums[0], rtol=1e-5)


def test_signed_sums_into_batchnorm_units_vanish_in_training_mode():
    # BatchNorm undoes any scaling of what enters it (Tanaka et al. 2020, appendix 10).
    model, batch = smooth_conv_net(), conv_batch()
    for module in model:
        if isinstance(module, nn.BatchNorm2d):
            module.eps = 1e-12
    prunable = prunable_parameters(model, biases=False)
    found = connection_sensitivity(model, prunable, *batch, mode="training")
    product_M = flat_weights(prunable).astype(float) * found.gradient_M
    for tensor in prunable.layout.tensors[:2]:
        per_unit = product_M[tensor.offset : tensor.end].reshape(tensor.shape[0], -1)
        assert np.abs(per_unit).sum() > 1e-3
        np.testing.assert_allclose(per_unit.sum(axis=1), 0, atol=1e-7)


def test_recurrent_networks_are_scored():
    class Reader(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell = nn.LSTM(6, 5, batch_first=True)
            self.out = nn.Linear(5, 3)

        def forward(self, inputs):
            return self.out(self.cell(inputs)[0][:, -1])

    torch.manual_seed(0)
    model = Reader()
    inputs, labels = torch.randn(8, 4, 6), torch.arange(8) % 3
    prunable = prunable_parameters(model)
    found = connection_sensitivity(model, prunable, inputs, labels)
    np.testing.assert_allclose(
        found.sensitivity_M, explicit_masks(model, prunable, inputs, labels), rtol=1e-3, atol=1e-7
    )


def test_flat_weights_follow_the_layout_and_are_read_only(bench):
    weight_M = flat_weights(bench.prunable)
    tensor = bench.prunable.layout["fc2.weight"]
    part = weight_M[tensor.offset : tensor.end].reshape(tensor.shape)
    np.testing.assert_array_equal(part, bench.model.fc2.weight.detach().numpy())
    with pytest.raises(ValueError, match="read-only"):
        weight_M[0] = 1


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_half_precision_is_scored_in_single(kind):
    model = LeNet300100((1, 28, 28), 10)
    initialise(model, "variance-scaling", 3)
    model.to(kind)
    whole = copy.deepcopy(model).float()
    generator = torch.Generator().manual_seed(0)
    images, labels = torch.randn(8, 1, 28, 28, generator=generator), torch.arange(8)
    found = connection_sensitivity(model, prunable_parameters(model), images, labels)
    expected = connection_sensitivity(whole, prunable_parameters(whole), images, labels)
    np.testing.assert_array_equal(found.sensitivity_M, expected.sensitivity_M)
    assert {parameter.dtype for parameter in model.parameters()} == {kind}  # left as it was
    # In half precision itself most products would be zero.
    assert np.count_nonzero(found.sensitivity_M) > 100_000


def watch_passes(layer):
    """A list that fills with the number of images of every pass that is scored."""
    sizes = []

    def look(_, given, __):
        if torch.is_grad_enabled():
            sizes.append(len(given[0]))

    layer.register_forward_hook(look)
    return sizes


@pytest.mark.parametrize("pass_size", [1, 2, 3, 8])
def test_no_pass_is_of_one_image_if_batch_norm_refuses_it(pass_size):
    model = nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.Tanh(), nn.Linear(5, 3)).double()
    inputs, labels = mlp_batch()
    prunable = prunable_parameters(model)
    sizes = watch_passes(model[0])
    before = {name: value.clone() for name, value in model.state_dict().items()}
    connection_sensitivity(model, prunable, inputs, labels, mode="training", pass_size=pass_size)
    assert sum(sizes) == len(inputs)
    assert min(sizes) > 1
    assert all(torch.equal(model.state_dict()[name], value) for name, value in before.items())


def test_a_pass_of_one_image_stays_where_batch_norm_takes_it():
    model, inputs, labels = conv_net_with_batch()
    prunable = prunable_parameters(model)
    sizes = watch_passes(model[0])
    found = connection_sensitivity(model, prunable, inputs, labels, mode="evaluation", pass_size=3)
    assert sizes == [3, 3, 1]
    whole = connection_sensitivity(model, prunable, inputs, labels, mode="evaluation")
    np.testing.assert_allclose(found.sensitivity_M, whole.sensitivity_M, rtol=1e-5)


class ComplexNet(nn.Module):
    """Complex layers of two kinds before a real one."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3, dtype=torch.complex128)
        self.mix = nn.Linear(8, 5, dtype=torch.complex128)
        self.out = nn.Linear(5, 3, dtype=torch.float64)

    def forward(self, inputs_BCHW):
        maps = self.conv(inputs_BCHW.to(torch.complex128))
        return self.out(self.mix(maps.flatten(1)).abs())


def test_complex_weights_are_scaled_by_real_factors():
    torch.manual_seed(0)
    model = ComplexNet()
    prunable = prunable_parameters(model)
    inputs, labels = torch.randn(7, 1, 4, 4, dtype=torch.float64), torch.arange(7) % 3
    found = connection_sensitivity(model, prunable, inputs, labels)
    differences = finite_differences(model, prunable, inputs, labels)
    expected_M = np.abs(differences) / np.abs(differences).sum()
    np.testing.assert_allclose(found.sensitivity_M, expected_M, atol=1e-6)
    signed_M = flat_weights(prunable) * found.gradient_M
    complex_M = np.concatenate([np.full(p.numel(), p.is_complex()) for p in prunable.parameters])
    np.testing.assert_allclose(signed_M[complex_M], differences[complex_M], atol=1e-5)
    np.testing.assert_allclose(signed_M[~complex_M], differences[~complex_M], atol=1e-5)
