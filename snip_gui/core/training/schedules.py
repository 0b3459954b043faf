"""Learning rate schedules."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from snip_gui.core.recipe.training import Phase, Training


def find_phase(step: int, phases: Sequence[Phase], steps_per_epoch: int) -> tuple[int, int]:
    """Return the phase of a step, and the step's index in that phase, both from 0.

    Steps of extra epochs belong to the last phase.
    """
    for number, phase in enumerate(phases[:-1]):
        length = phase.epochs * steps_per_epoch
        if step < length:
            return number, step
        step -= length
    return len(phases) - 1, step


def learning_rate_at(
    step: int, num_steps: int, training: Training, factor: float = 1.0, *, decays: bool = True
) -> float:
    """Return the learning rate at a step of a phase.

    Parameters
    ----------
    step
        Counted from 0; steps from `num_steps` on belong to extra epochs.
    num_steps
        Steps of the schedule. Decays are at fractions of it, so that a short run has the whole
        schedule too (in the paper they are at fixed steps).
    factor
        Factor of the schedule.
    decays
        Whether the schedule applies; otherwise the rate is constant.
    """
    if not decays:
        return (step >= num_steps and training.added_rate) or training.learning_rate * factor
    if step >= num_steps:
        return training.added_rate or _scheduled(num_steps - 1, num_steps, training) * factor
    return _scheduled(step, num_steps, training) * factor


def _scheduled(step: int, num_steps: int, training: Training) -> float:
    """Return the learning rate at a step of the schedule."""
    if training.schedule == "cosine":
        return training.learning_rate * (1 + math.cos(math.pi * step / num_steps)) / 2
    num_decays = sum(step >= round(at * num_steps) for at in training.decay_at)
    return training.learning_rate * training.decay_factor**num_decays
