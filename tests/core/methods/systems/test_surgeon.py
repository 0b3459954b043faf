from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from snip_gui.core.methods.systems.surgeon import (
    SingularError,
    correct,
    invert,
    prune_layer,
    prune_layer_as_published,
    removal_order,
)

O, I = 3, 6  # noqa: E741 - shapes


def problem(seed=0, units=O, inputs=I):
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(40, inputs)) @ rng.normal(size=(inputs, inputs))
    hessian = rows.T @ rows / len(rows)
    return torch.from_numpy(rng.normal(size=(units, inputs))), torch.from_numpy(hessian), rows


def least_error(weight, hessian, removed):
    """The least error of a unit without some inputs, and its weights, by least squares."""
    left = [i for i in range(len(weight)) if i not in removed]
    root = np.linalg.cholesky(hessian).T
    target = root @ weight
    found = np.zeros_like(weight)
    if left:
        found[left] = np.linalg.lstsq(root[:, left], target, rcond=None)[0]
    return 0.5 * float(((root @ found - target) ** 2).sum()), found


@pytest.mark.parametrize("number", [1, 2, 3, 7])
def test_each_removal_is_the_cheapest_of_all_with_the_best_correction(number):
    """By brute force: every single removal is tried, after the removals before it."""
    weight_OI, hessian_II, _ = problem()
    weights, hessian = weight_OI.numpy(), hessian_II.numpy()
    removed = [set() for _ in range(O)]
    for _ in range(number):
        costs = {
            (unit, place): least_error(weights[unit], hessian, removed[unit] | {place})[0]
            - least_error(weights[unit], hessian, removed[unit])[0]
            for unit, place in itertools.product(range(O), range(I))
            if place not in removed[unit]
        }
        unit, place = min(costs, key=costs.get)
        removed[unit].add(place)
    fixed, kept = torch.zeros(I, dtype=torch.bool), torch.ones(O, I, dtype=torch.bool)
    found_OI, left_OI = prune_layer(weight_OI, kept, fixed, hessian_II, number)
    for unit in range(O):
        assert {i for i in range(I) if not left_OI[unit, i]} == removed[unit]
        expected = least_error(weights[unit], hessian, removed[unit])[1]
        np.testing.assert_allclose(found_OI[unit].numpy(), expected, atol=1e-9)


def test_a_single_removal_costs_what_the_formula_says():
    weight_OI, hessian_II, rows = problem(1)
    weight_I, inverse_II = weight_OI[0], invert(hessian_II)
    order, cost = removal_order(weight_I, inverse_II, torch.zeros(I, dtype=torch.bool))
    formula = weight_I**2 / (2 * inverse_II.diagonal())
    assert int(order[0]) == int(formula.argmin())
    assert float(cost[0]) == pytest.approx(float(formula.min()))
    place = int(order[0])
    step = -(weight_I[place] / inverse_II[place, place]) * inverse_II[place]
    left = torch.arange(I) != place
    np.testing.assert_allclose(correct(weight_I, left, hessian_II), weight_I + step, atol=1e-9)
    error = 0.5 * ((rows @ step.numpy()) ** 2).mean()  # over the inputs themselves
    assert error == pytest.approx(float(cost[0]))


def test_costs_are_increments_of_the_error_over_more_removals_than_a_block():
    weight_OI, hessian_II, _ = problem(2, units=1, inputs=150)
    hessian_II += torch.eye(150, dtype=torch.float64)
    fixed = torch.zeros(150, dtype=torch.bool)
    fixed[7] = True
    order, cost = removal_order(weight_OI[0], invert(hessian_II), fixed)
    assert sorted([*order.tolist(), 7]) == list(range(150))
    weight, hessian = weight_OI[0].numpy(), hessian_II.numpy()
    for number in (1, 128, 129, 149):
        error, _ = least_error(weight, hessian, set(order[:number].tolist()))
        assert float(cost[:number].sum()) == pytest.approx(error, rel=1e-6)


def test_a_second_round_removes_from_what_the_first_left():
    weight_OI, hessian_II, _ = problem(3)
    fixed, kept = torch.zeros(I, dtype=torch.bool), torch.ones(O, I, dtype=torch.bool)
    first_OI, left_OI = prune_layer(weight_OI, kept, fixed, hessian_II, 6)
    second_OI, rest_OI = prune_layer(first_OI, left_OI, fixed, hessian_II, 5)
    assert not (rest_OI & ~left_OI).any()
    assert int(rest_OI.sum()) == O * I - 11
    assert not second_OI[~rest_OI].any()


def test_the_published_variant_ranks_once_and_masks_again():
    weight_OI, hessian_II, _ = problem(4)
    weights, inverse = weight_OI.numpy().copy(), np.linalg.inv(hessian_II.numpy())
    score = weights**2 / (2 * np.diag(inverse))
    mask = np.ones_like(weights)
    for index in np.argsort(score, axis=None)[:8]:
        unit, place = np.unravel_index(index, weights.shape)
        weights[unit] -= weights[unit, place] / inverse[place, place] * inverse[place]
        mask[unit, place] = 0
        weights[unit] *= mask[unit]
    fixed, kept = torch.zeros(I, dtype=torch.bool), torch.ones(O, I, dtype=torch.bool)
    found_OI, left_OI = prune_layer_as_published(weight_OI, kept, fixed, hessian_II, 8)
    np.testing.assert_array_equal(left_OI.numpy(), mask != 0)
    np.testing.assert_allclose(found_OI.numpy(), weights, atol=1e-9)


def test_a_singular_hessian_is_told_apart():
    with pytest.raises(SingularError):
        invert(torch.ones(3, 3, dtype=torch.float64))
