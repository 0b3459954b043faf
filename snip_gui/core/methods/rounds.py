"""Iterative pruning before training: connections are scored again in each round.

A run computes the rounds for its own sparsity; the window shows one elimination path at every
sparsity (``masks_for="target-sparsity"`` in the method's entry). Packages may use `iterate` too.

Shapes: M prunable parameters, in the flat order of `Layout`.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import numpy as np
import torch

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.events import Event, Progress
from snip_gui.core.graph.layout import num_kept_at, split_flat
from snip_gui.core.pruning.mask_source import nothing_kept_error
from snip_gui.core.pruning.masked_model import MaskedModel
from snip_gui.core.pruning.ranking import Ranking, make_ranking, rank_scores
from snip_gui.core.pruning.sensitivity import ZeroSensitivityError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from typing import TypeAlias

    from numpy.typing import NDArray

    from snip_gui.core.graph.layout import Layout
    from snip_gui.core.pruning.workbench import Workbench

    Score: TypeAlias = Callable[[NDArray[np.bool_]], NDArray[np.float32]]


def target_count(bench: Workbench) -> int:
    """Return how many connections the recipe keeps; raises `UserError` if there are none."""
    sparsity, total = bench.recipe.pruning.sparsity, bench.prunable.layout.num_parameters
    num_kept = num_kept_at(sparsity, total)
    if num_kept < 1:
        raise nothing_kept_error(sparsity, total)
    return num_kept


def exponential(num_parameters: int, num_kept: int, rounds: int) -> tuple[int, ...]:
    """Return the number kept after each round; every round keeps the same fraction."""
    share = num_kept / num_parameters
    return tuple(round(num_parameters * share ** (k / rounds)) for k in range(1, rounds + 1))


def iterate(
    bench: Workbench,
    criterion: Callable[[Workbench], NDArray[np.float32]],
    schedule: Sequence[int],
) -> Generator[Event, None, Ranking]:
    """Score and remove in rounds; return a ranking by order of removal.

    Removed weights are zero while the rest is scored, and never return. The network's weights are
    restored afterwards.

    Parameters
    ----------
    criterion
        Returns a score (M) for each connection of the current network; the highest are kept.
    schedule
        Number kept after each round, descending.

    Raises
    ------
    UserError
        If the connections that remain after a round have no effect on the loss.
    ValueError
        If there are no rounds.
    """
    with masking(bench) as apply:

        def score(kept_M: NDArray[np.bool_]) -> NDArray[np.float32]:
            apply(kept_M)
            try:
                return criterion(bench)
            except ZeroSensitivityError as error:
                if kept_M.all():
                    raise
                raise without_effect(kept_M, "no remaining connection") from error

        layout, floor = bench.prunable.layout, bench.recipe.pruning.floor
        ranking = yield from eliminate(layout, score, schedule, floor=floor)
    return ranking


def eliminate(
    layout: Layout, score: Score, schedule: Sequence[int], *, floor: int = 0
) -> Generator[Event, None, Ranking]:
    """Remove the lowest scores in rounds, none of which returns; return a ranking by removal.

    Parameters
    ----------
    score
        From which connections remain (M) to a score for each (M); those of removed ones have no
        effect.
    schedule
        Number kept after each round, descending.
    floor
        See `rank_scores`.

    Raises
    ------
    UserError
        If a score is not finite.
    ValueError
        If there are no rounds.
    """
    if not schedule:
        raise ValueError("no rounds")
    score_M = np.zeros(layout.num_parameters, np.float32)
    is_left_M = np.ones(layout.num_parameters, bool)
    removed: list[NDArray[np.int32]] = []
    for number, num_kept in enumerate(schedule, 1):
        yield Progress(f"Round {number} of {len(schedule)}", number - 1, len(schedule))
        score_M[is_left_M] = score(is_left_M)[is_left_M]
        # Removed ones come last, so that they do not count for the minimum of a layer.
        current_M = np.where(is_left_M, score_M, np.finfo(np.float32).min)
        order_M = rank_scores(current_M, layout, floor=floor).order_M
        order = order_M[is_left_M[order_M]]
        removed.insert(0, order[num_kept:])
        left = order[:num_kept]
        is_left_M = np.zeros(layout.num_parameters, bool)
        is_left_M[left] = True
    return make_ranking(layout, score_M, np.concatenate([left, *removed]))


def force(
    bench: Workbench, score: Score, schedule: Sequence[int]
) -> Generator[Event, None, Ranking]:
    """Score the sparse network in rounds, in which removed connections may return.

    Parameters
    ----------
    score
        From which connections are kept (M) to a score for each (M), also for those that are not.
    schedule
        Number kept after each round.

    Returns
    -------
    Ranking
        That of the last round, whose mask of the last size is the result.

    Raises
    ------
    UserError
        If a score is not finite, or all are zero.
    """
    layout, floor = bench.prunable.layout, bench.recipe.pruning.floor
    kept_M = np.ones(layout.num_parameters, bool)
    for number, num_kept in enumerate(schedule, 1):
        yield Progress(f"Round {number} of {len(schedule)}", number - 1, len(schedule))
        score_M = score(kept_M)
        if not score_M.any():
            if kept_M.all():
                raise ZeroSensitivityError
            raise without_effect(kept_M, "no connection, kept or removed,")
        ranking = rank_scores(score_M, layout, floor=floor)
        kept_M = ranking.rank_M < num_kept
    return ranking


@contextlib.contextmanager
def masking(bench: Workbench) -> Iterator[Callable[[NDArray[np.bool_]], None]]:
    """Provide a function that sets removed weights of the network to zero; restore them on exit.

    The function takes which connections are kept (M); others are as they were at first.
    """
    layout, parameters = bench.prunable.layout, bench.prunable.parameters
    weights = [parameter.detach().clone() for parameter in parameters]

    def restore() -> None:
        with torch.no_grad():
            for parameter, values in zip(parameters, weights, strict=True):
                parameter.copy_(values)

    def apply(kept_M: NDArray[np.bool_]) -> None:
        restore()
        masks = {name: np.asarray(part, bool) for name, part in split_flat(kept_M, layout).items()}
        MaskedModel(bench.model, bench.prunable, masks)

    try:
        yield apply
    finally:
        restore()


def without_effect(kept_M: NDArray[np.bool_], what: str, on: str = "the loss") -> UserError:
    """Return the error for a network whose scores are all zero after a round."""
    number, total = int(np.count_nonzero(kept_M)), kept_M.size
    return UserError(
        f"With {number:,} of {total:,} connections kept, {what} has any effect on {on}.",
        "Choose a lower sparsity, or a minimum kept per layer.",
        field="pruning.sparsity",
    )
