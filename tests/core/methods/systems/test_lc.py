from __future__ import annotations

import numpy as np
import pytest
import torch

from snip_gui.core.graph.layout import num_kept_at
from snip_gui.core.methods.systems.lc import make_regime, project
from snip_gui.core.recipe.methods import LearningCompression
from snip_gui.core.recipe.recipe import Recipe, Training
from snip_gui.core.recipe.training import Phase
from tests.core.methods.systems.benches import masked_of, moment, small_bench

SPEC = LearningCompression(sparsity=0.9, l_steps=3, mu=0.5, mu_growth=2.0)


def flat(values, names):
    return np.concatenate([np.asarray(values[name]).ravel() for name in names]).astype(np.float64)


def weights_of(masked):
    return {name: p.detach().clone() for name, p in masked.prunable.items()}


def largest(values_M, number):
    """The indices of the largest magnitudes, by sorting."""
    return set(np.argsort(-np.abs(values_M), kind="stable")[:number].tolist())


@pytest.mark.parametrize("number", [0, 1, 57, 800])
def test_a_projection_keeps_exactly_the_largest_of_all_layers(number):
    masked = masked_of(small_bench())
    values = weights_of(masked)
    masks = project(values, masked.prunable.layout, number)
    kept = flat(masks, values)
    assert set(kept.nonzero()[0].tolist()) == largest(flat(values, values), number)


def test_of_equal_magnitudes_the_first_are_kept():
    masked = masked_of(small_bench())
    ones = {name: torch.ones_like(values) for name, values in weights_of(masked).items()}
    kept = flat(project(ones, masked.prunable.layout, 100), ones)
    assert set(kept.nonzero()[0].tolist()) == set(range(100))


def test_the_first_projection_is_direct_compression():
    bench = small_bench(SPEC)
    masked, regime = masked_of(bench), make_regime(bench)
    assert regime.outcome(masked) is None
    assert regime.before_step(masked, moment(phase=0)) is None
    assert regime.outcome(masked) is None  # the dense phase
    regime.before_step(masked, moment(phase=1))
    state, names = regime.state(), [name for name, _ in masked.prunable.items()]
    weight_M = flat(weights_of(masked), names)
    theta_M = flat({name: state[f"theta.{name}"] for name in names}, names)
    kept = largest(weight_M, num_kept_at(0.9, len(weight_M)))
    expected = np.where(np.isin(np.arange(len(weight_M)), list(kept)), weight_M, 0)
    np.testing.assert_array_equal(theta_M, expected)
    assert not any(state[f"lambda.{name}"].any() for name in names)
    assert float(state["mu"]) == 0.5


def test_two_rounds_are_those_of_the_formulas_in_double_precision():
    bench = small_bench(SPEC)
    masked, regime = masked_of(bench), make_regime(bench)
    names = [name for name, _ in masked.prunable.items()]
    number = num_kept_at(0.9, masked.prunable.layout.num_parameters)
    lambda_M, mu = 0.0, 0.0
    for phase in (1, 2, 3):
        weight_M = flat(weights_of(masked), names)
        shifted_M = weight_M - (lambda_M / mu if mu else 0)
        kept = np.isin(np.arange(len(weight_M)), list(largest(shifted_M, number)))
        theta_M = np.where(kept, shifted_M, 0)
        lambda_M = lambda_M - mu * (weight_M - theta_M)
        mu = 0.5 * 2 ** (phase - 1)
        regime.before_step(masked, moment(phase=phase))
        for parameter in masked.prunable.parameters:
            parameter.grad = torch.full_like(parameter, 3.0)
        regime.change_gradients(masked)
        gradient_M = flat({n: p.grad for n, p in masked.prunable.items()}, names)
        np.testing.assert_allclose(
            gradient_M, 3 + mu * (weight_M - theta_M) - lambda_M, rtol=1e-5, atol=1e-5
        )
        outcome = regime.outcome(masked)
        shifted_M = weight_M - lambda_M / mu
        np.testing.assert_allclose(flat(outcome.weights, names), shifted_M, rtol=1e-5, atol=1e-6)
        assert flat(outcome.masks, names).sum() == number
        with torch.no_grad():  # an L-step to anywhere
            for parameter in masked.prunable.parameters:
                parameter.add_(torch.randn_like(parameter) * 0.05)


def test_a_growing_penalty_brings_the_weights_to_their_projection():
    """With mu rising, training ends where pruning changes nothing."""
    spec = LearningCompression(sparsity=0.8, l_steps=12, mu=0.1, mu_growth=2.0)
    bench = small_bench(spec)
    masked, regime = masked_of(bench), make_regime(bench)
    targets = {name: torch.randn_like(p) for name, p in masked.prunable.items()}
    distances = []
    for phase in range(1, 13):
        regime.before_step(masked, moment(phase=phase))
        for _ in range(200):
            for name, parameter in masked.prunable.items():  # L(w) = ||w - target||^2 / 2
                parameter.grad = parameter.detach() - targets[name]
            regime.change_gradients(masked)
            with torch.no_grad():
                for parameter in masked.prunable.parameters:
                    parameter.sub_(parameter.grad, alpha=1 / (1 + 0.1 * 2 ** (phase - 1)))
        outcome = regime.outcome(masked)
        distances.append(
            max(
                float((p.detach() - outcome.weights[n] * outcome.masks[n]).abs().max())
                for n, p in masked.prunable.items()
            )
        )
    assert distances[-1] < 0.01 * distances[0]


def test_its_phases_have_constant_rates_that_fall_by_two_percent():
    recipe = Recipe(pruning=LearningCompression(l_steps=3, l_epochs=2), training=Training(epochs=5))
    assert recipe.phases == (
        Phase(5, purpose="pretraining"),
        *(Phase(2, 0.98**k, decays=False, purpose="pruning") for k in range(3)),
    )  # fmt: skip
