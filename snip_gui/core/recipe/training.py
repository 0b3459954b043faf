"""The part of a recipe that says how the pruned network is trained."""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple, TypeAlias

from msgspec import Meta

from snip_gui.core.recipe.part import RecipePart

Optimizer: TypeAlias = Literal["sgd", "adam", "adamw"]
Schedule: TypeAlias = Literal["steps", "cosine"]
Augmentation: TypeAlias = Literal["none", "shift", "flip-and-shift"]
Labels: TypeAlias = Literal["true", "shuffled"]
Precision: TypeAlias = Literal["float32", "bfloat16"]

ADDED_LATER = (
    "optimizer",
    "schedule",
    "augmentation",
    "labels",
    "precision",
    "added_epochs",
    "added_rate",
)
"""Fields that recipes had not at first: where they are as by default, digests leave them out."""


class Phase(NamedTuple):
    """A stretch of training that runs through the whole schedule of the learning rate.

    Attributes
    ----------
    epochs
        Passes over the training images.
    rate
        What the learning rate is multiplied by.
    """

    epochs: int
    rate: float = 1.0


class Training(RecipePart, frozen=True, kw_only=True):
    """Descent under the mask: by default with momentum and a step schedule (paper, section 5)."""

    epochs: Annotated[
        int,
        Meta(
            ge=1,
            le=100_000,
            title="Epochs",
            description="Passes over the training images.",
        ),
    ] = 10
    batch_size: Annotated[
        int,
        Meta(
            ge=1,
            title="Batch size",
            description="Images per training step. Not the minibatch that is scored.",
            extra={"unit": "images"},
        ),
    ] = 100
    optimizer: Annotated[
        Optimizer,
        Meta(
            title="Optimiser",
            description="SGD with momentum is the paper's. Adam and AdamW want a rate near 0.001. "
            "Weight decay is coupled for SGD and Adam and decoupled for AdamW.",
            extra={"labels": {"sgd": "SGD", "adam": "Adam", "adamw": "AdamW"}},
        ),
    ] = "sgd"
    learning_rate: Annotated[
        float,
        Meta(
            gt=0,
            le=100,
            title="Learning rate",
            description="Step size before the schedule lowers it.",
            extra={"decimals": 5, "step": 0.01},
        ),
    ] = 0.1
    momentum: Annotated[
        float,
        Meta(
            ge=0,
            lt=1,
            title="Momentum",
            description="Momentum of stochastic gradient descent. Adam and AdamW have their usual "
            "0.9 and 0.999 instead.",
            extra={"decimals": 3, "step": 0.05},
        ),
    ] = 0.9
    weight_decay: Annotated[
        float,
        Meta(
            ge=0,
            le=1,
            title="Weight decay",
            description="L2 decay of the prunable parameters; never of BatchNorm.",
            extra={"decimals": 6, "step": 0.0001},
        ),
    ] = 5e-4
    schedule: Annotated[
        Schedule,
        Meta(
            title="Schedule",
            description="How the learning rate falls: in steps, as in the paper, or along half a "
            "cosine to zero at the end of the run.",
            extra={"labels": {"steps": "Steps", "cosine": "Cosine"}},
        ),
    ] = "steps"
    decay_at: Annotated[
        tuple[Annotated[float, Meta(gt=0, lt=1)], ...],
        Meta(
            title="Decays at",
            description="Fractions of the whole run after which the learning rate is multiplied "
            "by the decay factor, so that a short run has the whole schedule too.",
        ),
    ] = (0.5, 0.75)
    decay_factor: Annotated[
        float,
        Meta(
            gt=0,
            le=1,
            title="Decay factor",
            description="What the learning rate is multiplied by at each decay.",
            extra={"decimals": 3, "step": 0.05},
        ),
    ] = 0.1
    augmentation: Annotated[
        Augmentation,
        Meta(
            title="Augmentation",
            description="Each training image is shifted by up to 4 pixels along both axes, the "
            "edge filled with the mean, and mirrored every other time, as the paper does for "
            "CIFAR and Tiny-ImageNet. Never while scoring or testing.",
            extra={
                "labels": {
                    "none": "None",
                    "shift": "Shifts",
                    "flip-and-shift": "Flips, shifts",
                }
            },
        ),
    ] = "none"
    labels: Annotated[
        Labels,
        Meta(
            title="Labels",
            description="Shuffled: the training images get one another's labels, while the "
            "sensitivities come from the true ones (paper, section 5.6). The validation split "
            "keeps its labels.",
            extra={"labels": {"true": "True", "shuffled": "Shuffled"}},
        ),
    ] = "true"
    precision: Annotated[
        Precision,
        Meta(
            title="Precision",
            description="bfloat16 multiplies at half width while training, and is faster on a GPU "
            "that can; weights and evaluation stay at float32.",
            extra={"labels": {"float32": "float32", "bfloat16": "bfloat16"}},
        ),
    ] = "float32"
    shrink: Annotated[
        bool,
        Meta(title="Only what is left", description="Train the smaller network that is left when "
             "units, channels and pixels on no path from input to output are taken out. It learns "
             "the same, up to rounding, and faster. Otherwise the whole network is trained under "
             "its mask."),
    ] = True  # fmt: skip
    added_epochs: Annotated[
        int,
        Meta(
            ge=0,
            le=100_000,
            title="Epochs added",
            description="Epochs after the end of the schedule: how a finished run is extended.",
            extra={"zero": "none"},
        ),
    ] = 0
    added_rate: Annotated[
        float,
        Meta(
            ge=0,
            le=100,
            title="Rate of those",
            description="Learning rate of the added epochs. 0: that of the schedule's last step.",
            extra={"decimals": 5, "step": 0.001, "zero": "the last"},
        ),
    ] = 0.0

    @property
    def is_half_width(self) -> bool:
        """Whether passes are computed in bfloat16."""
        return self.precision == "bfloat16"
