"""Presets: the paper's settings for each network, and those of some of its studies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from snip_gui.core.base.registry import Registry
from snip_gui.core.recipe.json import from_builtins
from snip_gui.core.recipe.methods import Snip, find_method
from snip_gui.core.recipe.recipe import Draw

if TYPE_CHECKING:
    from collections.abc import Mapping

    from snip_gui.core.recipe.recipe import Recipe
    from snip_gui.core.recipe.training import OptimizerName

STABLE_RATE = 0.02
"""For LeNet-5-Caffe, which diverges unpruned at the published 0.1; see reproducing.md."""

_RATES: dict[OptimizerName, float] = {"sgd": 0.1, "adam": 0.001, "adamw": 0.001}


@dataclass(frozen=True, slots=True)
class Preset:
    """Values of some fields, by dotted path, for greyscale and for colour images.

    Attributes
    ----------
    text
        Source of the values, and any deviations from it.
    grey, colour
        Values by kind of image: the paper's settings for MNIST differ from the others.
    """

    name: str
    title: str
    text: str
    grey: Mapping[str, object]
    colour: Mapping[str, object]


_DESCENT = {
    "training.optimizer": "sgd",
    "training.learning_rate": 0.1,
    "training.momentum": 0.9,
    "training.weight_decay": 5e-4,
    "training.schedule": "steps",
    "training.decay_factor": 0.1,
    "training.labels": "true",
}
_GREY = _DESCENT | {"training.batch_size": 100, "training.augmentation": "none"}
_COLOUR = _DESCENT | {"training.batch_size": 128, "training.augmentation": "flip-and-shift"}
_PUBLISHED = {
    "model.init": "variance-scaling",
    "pruning.prunable": "weights-and-biases",
    "pruning.floor": 0,
    "pruning.after": "redraw",
    "pruning.scoring_mode": "evaluation",
    "data.validation_fraction": 0.1,
}
_HALVES = {"training.decay_at": (0.5, 0.75)}
# Table 3: Adam at 0.001, no decay of weights or learning rate.
_ADAM = {
    "training.optimizer": "adam",
    "training.learning_rate": _RATES["adam"],
    "training.weight_decay": 0.0,
    "training.schedule": "steps",
    "training.decay_at": (),
}
_SHUFFLED = {"training.labels": "shuffled", "training.weight_decay": 0.0}

PRESETS: Registry[Preset] = Registry(
    "preset",
    "",
    (
        Preset(
            "paper",
            "The paper's",
            "Section 5 of the paper, with weights reinitialised after pruning as in the official "
            "code: SGD at 0.1, momentum 0.9, weight decay 0.0005. MNIST: batch size 100, 56 "
            "epochs (30,000 steps, as in Figures 4 and 7), learning rate divided by 10 after "
            "25,000 steps. CIFAR: batch size 128, flips and shifts, 426 epochs (150,000 steps, "
            "as in the code for VGG-D), divided by 10 every 30,000 steps.",
            # 540 steps are an epoch of 54,000 images in batches of 100.
            _GREY
            | _PUBLISHED
            | {
                "training.epochs": 56,
                "training.decay_at": (round(25_000 / (56 * 540), 6),),
                "minibatch.size": 100,
            },
            _COLOUR
            | _PUBLISHED
            | {
                "training.epochs": 426,
                "training.decay_at": (0.2, 0.4, 0.6, 0.8),
                "minibatch.size": 128,
            },
        ),
        Preset(
            "short",
            "The paper's, shortened",
            "The same optimiser for 20 epochs (60 for CIFAR), with the learning rate divided by "
            "10 at half and at three quarters, starting from the scored weights.",
            _GREY | _HALVES | {"training.epochs": 20, "pruning.after": "keep"},
            _COLOUR | _HALVES | {"training.epochs": 60, "pruning.after": "keep"},
        ),
        Preset(
            "adam",
            "Adam (table 3)",
            "Adam at a constant 0.001 without weight decay, as in the paper's study of initial "
            "weights.",
            _ADAM,
            _ADAM,
        ),
        Preset(
            "random-labels",
            "Random labels (figure 4)",
            "Trains on shuffled labels, with sensitivities computed from the true ones; 56 "
            "epochs without weight decay. At 99% sparsity, nothing should be learnt.",
            _GREY
            | _SHUFFLED
            | {"training.epochs": 56, "training.decay_at": (round(25_000 / (56 * 540), 6),)},
            _COLOUR | _SHUFFLED | {"training.epochs": 60, "training.decay_at": (0.5, 0.75)},
        ),
    ),
)


def with_preset(recipe: Recipe, name: str, *, num_channels: int) -> Recipe:
    """Return the recipe with a preset's values; network, data, sparsity and seed do not change.

    Parameters
    ----------
    num_channels
        Channels of the network's input; 1 selects the values for greyscale images.

    Raises
    ------
    UserError
        If there is no such preset, or the recipe's method is not installed.
    """
    preset = PRESETS[name]
    raw = msgspec.to_builtins(recipe)
    own = msgspec.to_builtins(find_method(recipe.pruning).spec())
    papers = msgspec.to_builtins(Snip())
    for path, value in (preset.grey if num_channels == 1 else preset.colour).items():
        part, _, field = path.partition(".")
        if part == "pruning" and own.get(field) != papers[field]:
            continue  # other methods were published with other values
        if field in raw[part] and (part != "minibatch" or isinstance(recipe.minibatch, Draw)):
            raw[part][field] = value
    if recipe.model.name == "lenet-5-caffe" and raw["training"]["optimizer"] == "sgd":
        raw["training"]["learning_rate"] = STABLE_RATE
    return from_builtins(raw)


def about(preset: Preset, recipe: Recipe) -> str:
    """Return the source of a preset's values, and the deviations from it for this network."""
    if recipe.model.name == "lenet-5-caffe" and preset.name != "adam":
        return (
            f"{preset.text} LeNet-5-Caffe uses a learning rate of {STABLE_RATE:g}, because the "
            "unpruned network diverges at 0.1."
        )
    return preset.text


def with_optimizer(recipe: Recipe, optimizer: OptimizerName) -> Recipe:
    """Return the recipe with another optimizer; a default learning rate becomes the new default."""
    training = recipe.training
    rate = training.learning_rate
    if rate == _RATES[training.optimizer]:
        rate = _RATES[optimizer]
    training = msgspec.structs.replace(training, optimizer=optimizer, learning_rate=rate)
    return msgspec.structs.replace(recipe, training=training)
