"""Before the first step: leaving out what need not be trained, and measuring what it is worth.

Shapes: B images of a batch, C channels, H rows, W columns.
"""

from __future__ import annotations

import copy
import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from snip_gui.core.events import Event, Note, Progress, StepRates
from snip_gui.core.pruning.shrinking import shrink
from snip_gui.core.training.loop import descend, make_optimizer

if TYPE_CHECKING:
    from collections.abc import Generator

    from torch import Tensor

    from snip_gui.core.pruning.masked_model import MaskedModel
    from snip_gui.core.recipe import Training
    from snip_gui.core.training.loop import Trainer

# Enough for two digits; of the largest networks one step each.
_MOST_STEPS, _MOST_SECONDS = 20, 0.1


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is trained.

    Attributes
    ----------
    text
        What is left out, or why nothing is; empty if that was not asked for.
    num_off_path
        Kept connections that are left out.
    rates
        None where the whole network is trained.
    """

    text: str = ""
    num_off_path: int = 0
    rates: StepRates | None = None


def leave_out(trainer: Trainer) -> Generator[Event, None, Prepared]:
    """Let a trainer train only what is left, if its recipe says so and it can be done exactly.

    Call before a checkpoint is loaded: what may be left out is seen in the weights that training
    began with. Neither weights nor random numbers are touched.
    """
    if not trainer.training.shrink:
        return Prepared()
    yield Progress("Finding what is left to train")
    number = min(len(trainer.train), trainer.training.batch_size)
    whole = trainer.train.batch(torch.arange(number, device=trainer.train.device))
    found = shrink(trainer.masked, whole[0])
    if isinstance(found, str):
        yield Note(found)
        return Prepared(found)
    trainer.use(found)
    seen = whole[0] if found.pixels is None else found.pixels(whole[0])
    rates = StepRates(
        trained=steps_per_second(found.small, trainer.training, seen, whole[1]),
        dense=steps_per_second(found.full.unmasked(), trainer.training, *whole),
    )
    yield Note(f"{found.description} {rates.text}.")
    return Prepared(found.description, found.num_off_path, rates)


def steps_per_second(
    masked: MaskedModel, training: Training, inputs_BCHW: Tensor, labels_B: Tensor
) -> float:
    """Return how many steps a second a copy of a network does, measured for a moment."""
    masked = copy.deepcopy(masked)
    optimizer = make_optimizer(masked, training)
    device = inputs_BCHW.device
    seconds: list[float] = []
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        while len(seconds) < _MOST_STEPS and sum(seconds) < _MOST_SECONDS:
            started = time.perf_counter()
            loss, _ = descend(masked, optimizer, inputs_BCHW, labels_B)
            float(loss)  # waits for the device
            seconds.append(time.perf_counter() - started)
    return 1 / statistics.median(seconds)  # the first steps are slow
