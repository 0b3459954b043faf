"""Optimal brain surgeon on one layer (Hassibi & Stork 1993, as in Dong, Chen & Pan 2017).

A unit of the layer has the weights w_I, of which some are removed and the others corrected so that
the layer's squared error over its inputs x,

    E = 1/2 mean over x of ((w' - w) x)^2 = 1/2 (w' - w)^T H (w' - w),    H = mean of x x^T,

grows least. Removing w_q alone costs w_q^2 / (2 [H^-1]_qq), and the correction is
-(w_q / [H^-1]_qq) H^-1 e_q. After it, H^-1 of the others follows by a rank-one downdate.

Shapes: O units of the layer, I inputs including the bias as an input of 1, all in float64.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Generator

T = TypeVar("T")

_BLOCK = 128


class SingularError(ValueError):
    """A Hessian is not positive definite."""


def invert(hessian_II: Tensor) -> Tensor:
    """Return the inverse of a Hessian; raises `SingularError` if it is singular."""
    factor_II, problem = torch.linalg.cholesky_ex(hessian_II)
    if int(problem) or not bool(factor_II.isfinite().all()):
        raise SingularError("the Hessian is singular")
    return torch.cholesky_inverse(factor_II)


def finish(steps: Generator[None, None, T]) -> T:
    """Return the result of work that can be stopped, without stopping it."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result


def prune_layer(
    weight_OI: Tensor, kept_OI: Tensor, fixed_I: Tensor, hessian_II: Tensor, num_removed: int
) -> tuple[Tensor, Tensor]:
    """Return what `prune_layer_steps` returns."""
    return finish(prune_layer_steps(weight_OI, kept_OI, fixed_I, hessian_II, num_removed))


def prune_layer_steps(
    weight_OI: Tensor, kept_OI: Tensor, fixed_I: Tensor, hessian_II: Tensor, num_removed: int
) -> Generator[None, None, tuple[Tensor, Tensor]]:
    """Remove connections one after another, each time the one that costs least.

    Yields after every unit.

    Parameters
    ----------
    weight_OI
        Weights; those removed earlier are zero.
    kept_OI
        True where a connection has not been removed yet.
    fixed_I
        True for inputs that are never removed, such as a bias that is not prunable.
    hessian_II
        Mean of x x^T, damped so that it can be inverted.
    num_removed
        Number of connections to remove.

    Returns
    -------
    tuple of Tensor
        Corrected weights (O, I), zero where removed, and which connections are kept (O, I).

    Raises
    ------
    SingularError
        If the Hessian is singular.
    """
    inverse_II = invert(hessian_II)
    # Units do not interact, so each has an order of its own. Its next connection is removed when
    # it is the cheapest of all units' next ones, hence in the order of running maxima.
    orders: list[Tensor] = []
    peaks: list[Tensor] = []
    for weight_I, kept_I in zip(weight_OI, kept_OI, strict=True):
        rows = kept_I.nonzero().squeeze(1)
        whole = len(rows) == len(weight_I)
        inverse = inverse_II if whole else invert(hessian_II[rows][:, rows])
        order, cost = removal_order(weight_I[rows], inverse, fixed_I[rows])
        orders.append(rows[order])
        peaks.append(cost.cummax(0).values if len(cost) else cost)
        yield
    units = torch.cat([torch.full_like(order, unit) for unit, order in enumerate(orders)])
    first = torch.cat(peaks).sort(stable=True).indices[:num_removed]
    left_OI = kept_OI.clone()
    left_OI[units[first], torch.cat(orders)[first]] = False
    corrected_OI = torch.zeros_like(weight_OI)
    for unit, (weight_I, left_I) in enumerate(zip(weight_OI, left_OI, strict=True)):
        corrected_OI[unit] = correct(weight_I, left_I, hessian_II)
        yield
    return corrected_OI, left_OI


def removal_order(weight_I: Tensor, inverse_II: Tensor, fixed_I: Tensor) -> tuple[Tensor, Tensor]:
    """Return the order in which to remove a unit's weights, and what each removal costs.

    The downdates are those of a Cholesky factorisation with pivoting; as there, they are applied to
    the whole matrix only once for every block of removals.
    """
    # Short vectors: NumPy's overhead is a third of torch's. Matrices stay in torch, whose number of
    # threads is that of the recipe.
    left = np.arange(len(weight_I))
    weight, rest = weight_I.numpy().copy(), inverse_II
    diagonal = inverse_II.diagonal().numpy().copy()
    is_fixed = fixed_I.numpy()
    barred = np.where(is_fixed, np.inf, 0.0)  # fixed or removed
    order: list[int] = []
    costs: list[float] = []
    num_removable = int(np.count_nonzero(~is_fixed))
    while len(order) < num_removable:
        size = min(_BLOCK, num_removable - len(order))
        updates = torch.zeros(size, len(left), dtype=rest.dtype)
        rows = updates.numpy()
        score, scaled = np.empty_like(weight), np.empty_like(weight)
        for number in range(size):
            np.multiply(weight, weight, out=score)
            score /= diagonal
            score += barred
            place = int(score.argmin())
            pivot, value = float(diagonal[place]), float(weight[place])
            column, row = rest[place].numpy(), rows[number]
            if number:
                done = torch.mv(updates[:number].T, updates[:number, place])
                np.subtract(column, done.numpy(), out=row)
            else:
                row[:] = column
            row /= pivot**0.5
            weight -= np.multiply(row, value / pivot**0.5, out=scaled)
            diagonal -= np.multiply(row, row, out=scaled)
            diagonal[place], barred[place] = 1.0, np.inf
            order.append(int(left[place]))
            costs.append(value**2 / (2 * pivot))
        kept = np.flatnonzero((barred == 0) | is_fixed[left])
        columns, chosen = updates[:, kept], torch.from_numpy(kept)
        rest = torch.addmm(rest[chosen][:, chosen], columns.T, columns, alpha=-1)
        left, weight, diagonal, barred = (v[kept] for v in (left, weight, diagonal, barred))
    return torch.tensor(order, dtype=torch.long), torch.tensor(costs, dtype=weight_I.dtype)


def correct(weight_I: Tensor, left_I: Tensor, hessian_II: Tensor) -> Tensor:
    """Return the weights with the least error of those that are zero where not kept.

    This equals all corrections one after another, up to rounding.
    """
    corrected_I = torch.zeros_like(weight_I)
    left, gone = left_I.nonzero().squeeze(1), (~left_I & (weight_I != 0)).nonzero().squeeze(1)
    if not len(left):
        return corrected_I
    corrected_I[left] = weight_I[left]
    if len(gone):
        rows = hessian_II[left]
        factor, problem = torch.linalg.cholesky_ex(rows[:, left])
        if int(problem):
            raise SingularError("the Hessian is singular")
        lost = (rows[:, gone] @ weight_I[gone]).unsqueeze(1)
        corrected_I[left] += torch.cholesky_solve(lost, factor).squeeze(1)
    return corrected_I


def prune_layer_as_published(
    weight_OI: Tensor, kept_OI: Tensor, fixed_I: Tensor, hessian_II: Tensor, num_removed: int
) -> tuple[Tensor, Tensor]:
    """Remove connections as the authors' code does; parameters and results as `prune_layer_steps`.

    All are ranked at once, and H^-1 of the whole layer serves for every correction. What these add
    to removed connections is set to zero again.
    """
    inverse_II = invert(hessian_II)
    diagonal_I = inverse_II.diagonal()
    score_OI = weight_OI.square() / (2 * diagonal_I)
    score_OI = score_OI.masked_fill(~kept_OI | fixed_I, torch.inf)
    chosen = score_OI.reshape(-1).sort(stable=True).indices[:num_removed]
    corrected_OI, left_OI = weight_OI.clone(), kept_OI.clone()
    for index in chosen.tolist():
        unit, place = divmod(index, weight_OI.shape[1])
        row = corrected_OI[unit]
        row.sub_(inverse_II[place], alpha=float(row[place] / diagonal_I[place]))
        left_OI[unit, place] = False
        row.mul_(left_OI[unit])
    return corrected_OI, left_OI
