"""Settings of systems that train a network, remove connections and train it again, in rounds."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta

from snip_gui.core.recipe.pruning import PrunableField, PruningSpec
from snip_gui.core.recipe.training import Phase, Training

RoundsField: TypeAlias = Annotated[
    int,
    Meta(
        ge=1,
        le=100,
        title="Rounds",
        description="How often weights are removed and the rest is trained again.",
    ),
]
RetrainEpochsField: TypeAlias = Annotated[
    int,
    Meta(
        ge=1,
        le=100_000,
        title="Epochs per round",
        description="Passes over the training images after each removal.",
    ),
]
RetrainRateField: TypeAlias = Annotated[
    float,
    Meta(
        gt=0,
        le=1,
        title="Rate of rounds",
        description="What the learning rate is multiplied by while retraining. A tenth as "
        "published.",
        extra={"decimals": 3, "step": 0.05},
    ),
]


class PretrainedSpec(PruningSpec, frozen=True, kw_only=True):
    """Settings of a system that first trains the dense network."""

    def phases(self, training: Training) -> tuple[Phase, ...]:
        """Return a dense training phase and the phases of the system."""
        return (Phase(training.epochs, purpose="pretraining"), *self.later_phases(training))

    def later_phases(self, training: Training) -> tuple[Phase, ...]:
        """Return the phases after the dense training."""
        raise NotImplementedError  # each system has its own


class RetrainedSpec(PretrainedSpec, frozen=True, kw_only=True):
    """Settings of a system that prunes and retrains the trained network in rounds."""

    rounds: RoundsField = 1
    retrain_epochs: RetrainEpochsField = 2
    retrain_rate: RetrainRateField = 0.1

    def later_phases(self, training: Training) -> tuple[Phase, ...]:
        """Return a retraining phase for each round."""
        return (Phase(self.retrain_epochs, self.retrain_rate),) * self.rounds

    def share_passes(self, passes: int) -> tuple[PruningSpec, int]:
        """Spend about half of the passes on retraining."""
        rounds = min(self.rounds, passes // 2)
        spec = msgspec.structs.replace(
            self, rounds=rounds, retrain_epochs=max(1, passes // 2 // rounds)
        )
        return spec, passes - spec.rounds * spec.retrain_epochs


class Han(RetrainedSpec, frozen=True, kw_only=True, tag="han"):
    """Alternate training with removal of small weights, without resetting any (Han et al. 2015)."""

    prunable: PrunableField = "weights"
    quality: Annotated[
        tuple[Annotated[float, Meta(gt=0, le=1000)], ...],
        Meta(
            title="Quality factors",
            description="A weight is removed if it is smaller than this times the standard "
            "deviation of its layer's weights: one number for all layers, or one for each. If none "
            "is given, it is the one for all layers that comes out at the sparsity; otherwise the "
            "sparsity is an outcome.",
        ),
    ] = ()
    l1: Annotated[
        float,
        Meta(
            ge=0,
            le=1,
            title="L1 penalty",
            description="Penalty on the magnitude of the weights, beside weight decay. According "
            "to the authors, L1 is better without retraining, and weight decay with it.",
            extra={"decimals": 6, "step": 0.0001},
        ),
    ] = 0.0
    lower_dropout: Annotated[
        bool,
        Meta(
            title="Lower dropout",
            description="Multiply the rate of dropout before a layer by the square root of the "
            "fraction that the layer keeps, as published. No effect without dropout.",
        ),
    ] = False
    drop_units: Annotated[
        bool,
        Meta(
            title="Drop dead units",
            description="Also remove the connections of units that have no input or no output "
            "left, as published. The network can then be sparser than set.",
        ),
    ] = False
    rounds: RoundsField = 3
    retrain_epochs: RetrainEpochsField = 5


class LayerSurgeon(RetrainedSpec, frozen=True, kw_only=True, tag="layer-obs"):
    """Remove what a layer needs least and correct its other weights (layer-wise brain surgeon)."""

    prunable: PrunableField = "weights"
    kept: Annotated[
        tuple[Annotated[float, Meta(gt=0, le=1)], ...],
        Meta(
            title="Kept fractions",
            description="Fraction of the connections that a layer keeps in the end: one number "
            "for all layers, or one for each. If none is given, all layers keep the fraction that "
            "gives the sparsity; otherwise the sparsity is an outcome.",
        ),
    ] = ()
    damping: Annotated[
        float,
        Meta(
            ge=0,
            le=1000,
            title="Damping",
            description="Added to the diagonal of every layer's Hessian, so that inputs that "
            "depend on one another can be told apart.",
            extra={"decimals": 7, "step": 0.0001},
        ),
    ] = 1e-4
    downdate: Annotated[
        bool,
        Meta(
            title="Update the inverse",
            description="Update the inverse Hessian after every removal, so that each correction "
            "takes the earlier ones into account. Otherwise, as published, the inverse for the "
            "whole layer serves throughout.",
        ),
    ] = True


class Imp(PretrainedSpec, frozen=True, kw_only=True, tag="imp"):
    """Alternate training, removal of small weights and rewinding (Frankle & Carbin 2019)."""

    prunable: PrunableField = "weights"
    rounds: RoundsField = 5

    def later_phases(self, training: Training) -> tuple[Phase, ...]:
        """Return a whole training for each round."""
        return (Phase(training.epochs),) * self.rounds

    def share_passes(self, passes: int) -> tuple[PruningSpec, int]:
        """Spend as many passes on each training."""
        rounds = min(self.rounds, passes - 1)
        return msgspec.structs.replace(self, rounds=rounds), passes // (rounds + 1)
