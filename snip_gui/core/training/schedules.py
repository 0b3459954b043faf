"""The learning rate over a run."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from snip_gui.core.recipe.recipe import Training


def learning_rate_at(step: int, num_steps: int, training: Training) -> float:
    """Return the learning rate of a step.

    Parameters
    ----------
    step
        Counted from 0; those from `num_steps` on are of added epochs.
    num_steps
        Steps of the schedule. Each decay lies at a fraction of them, so that a short run has the
        whole schedule too (the paper's decays lie at fixed steps of one long run).
    """
    if step >= num_steps:
        return training.added_rate or _scheduled(num_steps - 1, num_steps, training)
    return _scheduled(step, num_steps, training)


def _scheduled(step: int, num_steps: int, training: Training) -> float:
    """Return the learning rate of a step of the schedule."""
    if training.schedule == "cosine":
        return training.learning_rate * (1 + math.cos(math.pi * step / num_steps)) / 2
    num_decays = sum(step >= round(at * num_steps) for at in training.decay_at)
    return training.learning_rate * training.decay_factor**num_decays
