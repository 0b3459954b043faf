"""The part of a recipe that determines how the pruned network is trained."""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple, TypeAlias

from msgspec import Meta

from snip_gui.core.recipe.part import RecipePart

OptimizerName: TypeAlias = Literal["sgd", "adam", "adamw"]
Schedule: TypeAlias = Literal["steps", "cosine"]
AugmentationName: TypeAlias = Literal["none", "shift", "flip-and-shift"]
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
    "order",
)
"""Fields added to recipes later: digests leave them out if they are at their defaults."""


Purpose: TypeAlias = Literal["pretraining", "pruning", "training"]
"""Training of the dense network, while the mask changes, or under a mask."""


class Phase(NamedTuple):
    """A part of training that starts afresh, usually with a whole learning rate schedule.

    Attributes
    ----------
    epochs
        Passes over the training images.
    rate
        Factor of the learning rate.
    decays
        Whether the learning rate follows the schedule, rather than being constant.
    purpose
        What the phase is for; costs are listed by purpose.
    """

    epochs: int
    rate: float = 1.0
    decays: bool = True
    purpose: Purpose = "training"


class Training(RecipePart, frozen=True, kw_only=True):
    """Training under the mask; by default SGD with momentum and steps (paper, section 5)."""

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
            description="Images per training step. Independent of the minibatch that is scored.",
            extra={"unit": "images"},
        ),
    ] = 100
    optimizer: Annotated[
        OptimizerName,
        Meta(
            title="Optimiser",
            description="The paper uses SGD with momentum. Adam and AdamW need a learning rate "
            "near 0.001. Weight decay is coupled for SGD and Adam and decoupled for "
            "AdamW.",
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
            description="Momentum of stochastic gradient descent. Adam and AdamW use their "
            "default betas, 0.9 and 0.999, instead.",
            extra={"decimals": 3, "step": 0.05},
        ),
    ] = 0.9
    weight_decay: Annotated[
        float,
        Meta(
            ge=0,
            le=1,
            title="Weight decay",
            description="L2 penalty on the prunable parameters, never on BatchNorm.",
            extra={"decimals": 6, "step": 0.0001},
        ),
    ] = 5e-4
    schedule: Annotated[
        Schedule,
        Meta(
            title="Schedule",
            description="How the learning rate decays: in steps, as in the paper, or along a "
            "half cosine to zero at the end of the run.",
            extra={"labels": {"steps": "Steps", "cosine": "Cosine"}},
        ),
    ] = "steps"
    decay_at: Annotated[
        tuple[Annotated[float, Meta(gt=0, lt=1)], ...],
        Meta(
            title="Decays at",
            description="Fractions of the run after which the learning rate is multiplied by the "
            "decay factor, so that a short run also gets the whole schedule.",
        ),
    ] = (0.5, 0.75)
    decay_factor: Annotated[
        float,
        Meta(
            gt=0,
            le=1,
            title="Decay factor",
            description="Factor applied to the learning rate at each decay.",
            extra={"decimals": 3, "step": 0.05},
        ),
    ] = 0.1
    augmentation: Annotated[
        AugmentationName,
        Meta(
            title="Augmentation",
            description="Each training image is shifted by up to 4 pixels along both axes, with "
            "the border filled with the mean, and flipped horizontally half of the "
            "time, as in the paper for CIFAR and Tiny-ImageNet. Never applied while "
            "scoring or testing.",
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
            description="bfloat16 multiplies in half precision while training, which is faster "
            "on GPUs that support it; weights and evaluation stay in float32.",
            extra={"labels": {"float32": "float32", "bfloat16": "bfloat16"}},
        ),
    ] = "float32"
    shrink: Annotated[
        bool,
        Meta(
            title="Train the shrunk network",
            description="Train a smaller network without the units, channels and pixels that lie "
            "on no path from input to output. It learns the same up to rounding, but faster. "
            "Otherwise the whole network is trained under its mask.",
        ),
    ] = True
    added_epochs: Annotated[
        int,
        Meta(
            ge=0,
            le=100_000,
            title="Extra epochs",
            description="Epochs after the end of the schedule, to extend a finished run.",
            extra={"zero": "none"},
        ),
    ] = 0
    added_rate: Annotated[
        float,
        Meta(
            ge=0,
            le=100,
            title="Extra learning rate",
            description="Learning rate of the extra epochs. 0: that of the last step of the "
            "schedule.",
            extra={"decimals": 5, "step": 0.001, "zero": "last of the schedule"},
        ),
    ] = 0.0

    order: Annotated[
        int,
        Meta(
            ge=0,
            le=2**53,
            title="Order of images",
            description="Another number shuffles the training images differently, and leaves "
            "everything else as it is: the weights, the minibatch and the mask.",
            extra={"zero": "that of the seed"},
        ),
    ] = 0

    @property
    def is_half_width(self) -> bool:
        """Whether forward and backward passes are computed in bfloat16."""
        return self.precision == "bfloat16"
