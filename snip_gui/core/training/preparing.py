"""Before the first step: shrinks the network to what must be trained, and measures the speed-up.

Shapes: B images of a batch, C channels, H rows, W columns.
"""

from __future__ import annotations

import copy
import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn

from snip_gui.core.base.events import Event, Note, Progress
from snip_gui.core.pruning.shrinking import shrink
from snip_gui.core.training.descent import descend, make_optimizer
from snip_gui.core.training.events import StepRates

if TYPE_CHECKING:
    from collections.abc import Generator
    from contextlib import AbstractContextManager

    from torch import Tensor

    from snip_gui.core.pruning.masked_model import MaskedModel
    from snip_gui.core.pruning.shrinking import ShrunkModel
    from snip_gui.core.recipe.recipe import Training
    from snip_gui.core.training.loop import Trainer

# Enough for two significant digits; the largest networks do a single step each.
_MOST_STEPS, _MOST_SECONDS = 20, 0.1
# Relative time with channels last on two CPU cores: LeNet-5 0.6, a WRN with 0.2 million weights
# 0.8, a VGG with 4 million 1.0, one with 15 million 1.15.
_NARROW_WEIGHTS = 3_000_000


@dataclass(frozen=True, slots=True)
class Prepared:
    """How the network is trained.

    Attributes
    ----------
    text
        What was left out, or why nothing was; empty if shrinking was not requested.
    num_off_path
        Number of kept connections that are left out.
    rates
        None if the whole network is trained.
    """

    text: str = ""
    num_off_path: int = 0
    rates: StepRates | None = None


def prepare(trainer: Trainer) -> Generator[Event, None, Prepared]:
    """Make a trainer use the shrunk network, if its recipe says so and shrinking is exact.

    Call before a checkpoint is loaded: what may be left out depends on the weights at the start of
    training. Weights and random number generators are left unchanged.
    """
    yield Progress("Shrinking the network")
    number = min(len(trainer.train), trainer.training.batch_size)
    inputs_BCHW, labels_B = trainer.train.batch(torch.arange(number, device=trainer.train.device))
    prepared = Prepared()
    if trainer.regime.changes_masks:
        # Connections left out now may be needed later.
        prepared = Prepared("The whole network is trained: its mask changes while it trains.")
    elif trainer.training.shrink:
        with _own_random_numbers(inputs_BCHW.device):
            found = shrink(trainer.masked, inputs_BCHW)
        if isinstance(found, str):
            prepared = Prepared(found)
            yield Note(found)
        else:
            trainer.use(found)
            seen = inputs_BCHW if found.pixels is None else found.pixels(inputs_BCHW)
            rates = _rates(found, trainer.training, seen, inputs_BCHW, labels_B)
            yield Note(f"{found.description} {rates.text}.")
            prepared = Prepared(found.description, found.num_off_path, rates)
            inputs_BCHW = seen
    if _wants_channels_last(trainer.trained.model, inputs_BCHW):
        trainer.to_channels_last()
    return prepared


def _rates(
    shrunk: ShrunkModel, training: Training, seen: Tensor, inputs_BCHW: Tensor, labels_B: Tensor
) -> StepRates:
    """Measure the shrunk and the dense network."""
    small, dense = copy.deepcopy(shrunk.small), copy.deepcopy(shrunk.full.unmasked())
    return StepRates(
        trained=_steps_per_second(small, training, seen, labels_B),
        dense=_steps_per_second(dense, training, inputs_BCHW, labels_B),
    )


def _steps_per_second(
    masked: MaskedModel, training: Training, inputs_BCHW: Tensor, labels_B: Tensor
) -> float:
    """Return the steps per second of a network, measured briefly; its weights change."""
    if _wants_channels_last(masked.model, inputs_BCHW):
        masked.to_channels_last()
    optimizer = make_optimizer(masked, training)
    seconds: list[float] = []
    with _own_random_numbers(inputs_BCHW.device):
        while len(seconds) < _MOST_STEPS and sum(seconds) < _MOST_SECONDS:
            started = time.perf_counter()
            loss, _ = descend(
                masked, optimizer, inputs_BCHW, labels_B, half_width=training.is_half_width
            )
            float(loss)  # synchronises with the device
            seconds.append(time.perf_counter() - started)
    return 1 / statistics.median(seconds)  # the first steps are slow


def _wants_channels_last(model: nn.Module, images_BCHW: Tensor) -> bool:
    """Return whether to run convolutions with channels last, which is faster if they are narrow.

    A rule rather than a measurement, so that a recipe always gives the same weights.
    """
    convolutions = [m for m in model.modules() if isinstance(m, nn.Conv2d)]
    num_weights = sum(module.weight.numel() for module in convolutions)
    if images_BCHW.device.type != "cpu" or not 0 < num_weights <= _NARROW_WEIGHTS:
        return False
    try:
        trial = copy.deepcopy(model).to(memory_format=torch.channels_last)
        with torch.no_grad(), _own_random_numbers(images_BCHW.device):
            trial.train()(images_BCHW)
    except (RuntimeError, TypeError, ValueError):  # cannot be viewed so, or copied
        return False
    return True


def _own_random_numbers(device: torch.device) -> AbstractContextManager[None]:
    """Restore on exit the random number generators that dropout draws from."""
    return torch.random.fork_rng(devices=[device] if device.type == "cuda" else [])
