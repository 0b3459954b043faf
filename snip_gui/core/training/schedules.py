"""The learning rate over a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from snip_gui.core.recipe import Training


def learning_rate_at(step: int, num_steps: int, training: Training) -> float:
    """Return the learning rate of a step, counted from 0.

    Each decay lies at a fraction of the whole run, so that a short run has the whole schedule too
    (the paper's decays lie at fixed steps of one long run).
    """
    num_decays = sum(step >= round(at * num_steps) for at in training.decay_at)
    return training.learning_rate * training.decay_factor**num_decays
