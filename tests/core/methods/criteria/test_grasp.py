from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from snip_gui.core.base.errors import UserError
from snip_gui.core.graph.parameters import prunable_parameters
from snip_gui.core.methods.criteria import grasp
from snip_gui.core.methods.criteria.grasp import gradient_flow
from snip_gui.core.methods.scoring import prune
from snip_gui.core.models.networks import make_network
from snip_gui.core.pruning.ranking import rank_scores
from snip_gui.core.recipe.methods import Grasp
from snip_gui.core.recipe.recipe import Draw, ModelChoice, Picked, Recipe
from tests.core.toys import conv_net_with_batch, smooth_mlp

TEMPERATURE = 3.0


def mlp_with_batch():
    model = smooth_mlp()
    torch.manual_seed(4)
    return model, torch.randn(8, 6, dtype=torch.float64), torch.arange(8) % 3


def loss_at(model, parameters, flat, inputs, labels):
    """The loss with other values of some parameters, which are put back."""
    before = [p.detach().clone() for p in parameters]
    nn.utils.vector_to_parameters(flat, parameters)
    with torch.no_grad():
        loss = functional.cross_entropy(model(inputs) / TEMPERATURE, labels)
        for parameter, values in zip(parameters, before, strict=True):
            parameter.copy_(values)
    return float(loss)


def by_differences(model, parameters, inputs, labels, step=1e-3):
    """``w * (H g)`` by differences of the loss alone."""
    flat = nn.utils.parameters_to_vector(parameters).detach()
    number = len(flat)

    def loss(*moves):
        moved = flat.clone()
        for index, by in moves:
            moved[index] += by
        return loss_at(model, parameters, moved, inputs, labels)

    gradient = np.array([(loss((i, step)) - loss((i, -step))) / (2 * step) for i in range(number)])
    hessian = np.zeros((number, number))
    for i in range(number):
        for j in range(i + 1):
            hessian[i, j] = hessian[j, i] = (
                loss((i, step), (j, step)) - loss((i, step), (j, -step))
                - loss((i, -step), (j, step)) + loss((i, -step), (j, -step))
            ) / (4 * step**2)  # fmt: skip
    return flat.numpy() * (hessian @ gradient), gradient


@pytest.mark.parametrize("biases", [True, False])
def test_scores_are_those_of_finite_differences(biases):
    model, inputs, labels = mlp_with_batch()
    prunable = prunable_parameters(model, biases=biases)
    found = gradient_flow(model, prunable, inputs, labels, temperature=TEMPERATURE)
    expected, gradient = by_differences(model, prunable.parameters, inputs, labels)
    np.testing.assert_allclose(found.gradient_M, gradient, rtol=1e-4, atol=1e-8)
    expected /= abs(expected.sum())
    np.testing.assert_allclose(found.score_M, expected, rtol=1e-3, atol=1e-5)
    assert found.score_M.min() < 0 < found.score_M.max()


def test_with_batch_norm_in_evaluation_mode_scores_are_those_of_finite_differences():
    model, inputs, labels = conv_net_with_batch()
    prunable = prunable_parameters(model, exclude=("0",))
    found = gradient_flow(
        model, prunable, inputs, labels, temperature=TEMPERATURE, mode="evaluation"
    )
    model.eval()
    expected, _ = by_differences(model, prunable.parameters, inputs, labels)
    expected /= abs(expected.sum())
    np.testing.assert_allclose(found.score_M, expected, rtol=1e-3, atol=2e-5)


def test_what_is_removed_first_is_what_hinders_the_gradient():
    """The lowest scores, by their sign: their removal raises the norm of the gradient."""
    model, inputs, labels = mlp_with_batch()
    prunable = prunable_parameters(model)
    found = gradient_flow(model, prunable, inputs, labels, temperature=TEMPERATURE)
    ranking = rank_scores(found.score_M, prunable.layout)
    flat = nn.utils.parameters_to_vector(prunable.parameters).detach()

    def squared_norm(shrunk=None):
        values = flat.clone()
        if shrunk is not None:
            values[shrunk] *= 1 - 1e-4  # a small part of the removal, as the score is linear
        nn.utils.vector_to_parameters(values, prunable.parameters)
        loss = functional.cross_entropy(model(inputs) / TEMPERATURE, labels)
        gradients = torch.autograd.grad(loss, prunable.parameters)
        return sum(float(g.square().sum()) for g in gradients)

    before = squared_norm()
    assert squared_norm(int(ranking.order_M[-1])) > before
    assert squared_norm(int(ranking.order_M[0])) < before


@pytest.mark.parametrize("mode", ["training", "evaluation"])
def test_the_network_is_left_as_it_was(mode):
    model, inputs, labels = conv_net_with_batch()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    modes = [module.training for module in model.modules()]
    images = inputs.clone()
    gradient_flow(model, prunable_parameters(model), inputs, labels, mode=mode)
    assert all(torch.equal(model.state_dict()[name], value) for name, value in before.items())
    assert [module.training for module in model.modules()] == modes
    assert torch.equal(inputs, images)
    assert all(parameter.grad is None for parameter in model.parameters())


def test_the_mode_of_batch_norm_matters_and_training_is_the_published_one():
    model, inputs, labels = conv_net_with_batch()
    prunable = prunable_parameters(model)
    one, other = (
        gradient_flow(model, prunable, inputs, labels, mode=mode).score_M
        for mode in ("training", "evaluation")
    )
    assert not np.allclose(one, other)
    assert Grasp().scoring_mode == "training"
    assert (Grasp().temperature, Grasp().samples_per_class, Grasp().prunable) == (
        200,
        25,
        "weights",
    )


@pytest.mark.parametrize("pass_size", [1, 3, 8])
def test_passes_add_up(pass_size):
    model, inputs, labels = mlp_with_batch()
    prunable = prunable_parameters(model)
    whole = gradient_flow(model, prunable, inputs, labels)
    parts = gradient_flow(model, prunable, inputs, labels, pass_size=pass_size)
    np.testing.assert_allclose(parts.score_M, whole.score_M, rtol=1e-5, atol=1e-9)
    assert parts.loss == pytest.approx(whole.loss)


@pytest.mark.parametrize("name", ["lstm-s", "gru-s", "lenet-5-caffe", "attention"])
def test_networks_with_special_kernels_have_second_derivatives(name):
    """Recurrent cells, pooling and attention, against a direction's difference of gradients."""
    torch.manual_seed(0)
    if name == "attention":
        model = small_attention()
        images = torch.randn(4, 6, 8, dtype=torch.float64)
    else:
        model = make_network(ModelChoice(name=name), (1, 28, 28), 10, seed=0).module.double()
        images = torch.randn(4, 1, 28, 28, dtype=torch.float64)
    labels = torch.arange(4)
    prunable = prunable_parameters(model)
    found = gradient_flow(model, prunable, images, labels, temperature=1, mode="evaluation")
    weights = nn.utils.parameters_to_vector(prunable.parameters).detach()
    direction = torch.from_numpy(found.gradient_M).double()
    step = 1e-7 / float(direction.abs().max())  # no kink of a pooling is crossed

    def gradient(by):
        nn.utils.vector_to_parameters(weights + by * direction, prunable.parameters)
        model.train()  # recurrent kernels need it; there is no dropout
        loss = functional.cross_entropy(model(images), labels)
        return torch.cat([g.reshape(-1) for g in torch.autograd.grad(loss, prunable.parameters)])

    product = (gradient(step) - gradient(-step)) / (2 * step)
    expected = (weights * product).numpy()
    expected /= abs(expected.sum())
    scale = np.abs(expected).max()
    np.testing.assert_allclose(found.score_M, expected, rtol=0.02, atol=0.002 * scale)


def small_attention():
    """Attention as torchvision's transformers use it."""

    class Attention(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
            self.head = nn.Linear(8, 4)

        def forward(self, tokens):
            mixed, _ = self.attention(tokens, tokens, tokens, need_weights=False)
            return self.head(mixed.mean(1))

    torch.manual_seed(0)
    return Attention().double()


class Once(torch.autograd.Function):
    """Something that can be differentiated but once."""

    @staticmethod
    def forward(ctx, values):
        ctx.save_for_backward(values)
        return values.tanh()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient):
        (values,) = ctx.saved_tensors
        return gradient * (1 - values.tanh() ** 2)


def test_a_network_without_second_derivatives_is_refused():
    class Layer(nn.Module):
        def forward(self, values):
            return Once.apply(values)

    model = nn.Sequential(nn.Linear(6, 5), Layer(), nn.Linear(5, 3)).double()
    _, inputs, labels = mlp_with_batch()
    with pytest.raises(UserError, match="second derivatives") as caught:
        gradient_flow(model, prunable_parameters(model), inputs, labels)
    assert caught.value.field == "pruning.method"


def test_images_that_say_nothing_are_refused():
    model, inputs, labels = mlp_with_batch()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    with pytest.raises(UserError, match="zero"):
        gradient_flow(model, prunable_parameters(model), inputs, labels)


def run(bench):
    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.base.events import run_to_end

    return run_to_end(prune(bench, CancelToken()))


def test_as_many_images_of_each_class_are_scored(make_bench):
    bench = make_bench(Recipe(pruning=Grasp(samples_per_class=7), minibatch=Draw(size=3)))
    scored = run(bench)
    counts = np.bincount(bench.images.train_labels_N[scored.indices_K], minlength=10)
    assert counts.tolist() == [7] * 10
    assert set(scored.indices_K) <= set(bench.split.train_indices)
    again = run(make_bench(bench.recipe))
    np.testing.assert_array_equal(again.masks.scores, scored.masks.scores)


def test_only_of_the_classes_that_are_drawn(make_bench):
    minibatch = Draw(classes=(2, 5), seed=3)
    scored = run(make_bench(Recipe(pruning=Grasp(samples_per_class=4), minibatch=minibatch)))
    bench = make_bench(Recipe())
    labels = bench.images.train_labels_N[scored.indices_K]
    assert np.bincount(labels, minlength=10).tolist() == [0, 0, 4, 0, 0, 4, 0, 0, 0, 0]
    other = Recipe(pruning=Grasp(samples_per_class=4), minibatch=Draw(classes=(2, 5), seed=4))
    assert set(run(make_bench(other)).indices_K) != set(scored.indices_K)


@pytest.mark.parametrize(
    ("recipe", "number"),
    [
        (Recipe(pruning=Grasp(samples_per_class=0), minibatch=Draw(size=13)), 13),
        (Recipe(pruning=Grasp(), minibatch=Picked(indices=(1, 5, 9))), 3),
    ],
)
def test_the_minibatch_itself_can_be_scored(make_bench, recipe, number):
    assert len(run(make_bench(recipe)).indices_K) == number


def test_more_images_than_a_class_has_are_refused(make_bench):
    recipe = Recipe(pruning=Grasp(samples_per_class=10_000))
    with pytest.raises(UserError) as caught:
        run(make_bench(recipe))
    assert caught.value.field == "pruning.samples_per_class"


def test_it_is_scored_in_passes_that_fit(make_bench, monkeypatch):
    bench = make_bench(Recipe(pruning=Grasp(samples_per_class=2)))
    whole = run(bench).masks.scores
    monkeypatch.setattr(grasp, "images_per_pass", lambda _bytes: 7)
    parts = run(make_bench(bench.recipe)).masks.scores
    np.testing.assert_allclose(parts, whole, rtol=1e-2, atol=1e-4 * np.abs(whole).max())
