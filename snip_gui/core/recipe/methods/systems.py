"""Settings and entries of systems that prune a trained network, or prune while they train."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from msgspec import Meta

from snip_gui.core.recipe.pruning import Method, PrunableField, PruningSpec, Sparsity
from snip_gui.core.recipe.training import Phase, Training

RoundsField: TypeAlias = Annotated[
    int,
    Meta(
        ge=1,
        le=100,
        title="Rounds",
        description="How often weights are removed and the rest is retrained.",
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


class Han(PruningSpec, frozen=True, kw_only=True, tag="han"):
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
    retrain_rate: RetrainRateField = 0.1

    def phases(self, training: Training) -> tuple[Phase, ...]:
        """Return a dense training phase and a retraining phase for each round."""
        retraining = Phase(self.retrain_epochs, self.retrain_rate)
        return (Phase(training.epochs), *(retraining for _ in range(self.rounds)))


class LearningCompression(PruningSpec, frozen=True, kw_only=True, tag="lc"):
    """Alternate training and projection onto the sparsest networks (learning-compression)."""

    prunable: PrunableField = "weights"
    l_steps: Annotated[
        int,
        Meta(
            ge=1,
            le=1000,
            title="L-steps",
            description="How often training and projection alternate. 40 in the authors' example.",
        ),
    ] = 40
    l_epochs: Annotated[
        int,
        Meta(
            ge=1,
            le=10_000,
            title="Epochs per L-step",
            description="Passes over the training images between two projections, at a learning "
            "rate that is constant and 2% lower each time. 20 in the authors' example.",
        ),
    ] = 1
    mu: Annotated[
        float,
        Meta(
            gt=0,
            le=1000,
            title="First penalty",
            description="Weight of the penalty (mu) on the distance to the pruned network in the "
            "first L-step.",
            extra={"decimals": 6, "step": 0.0001},
        ),
    ] = 9e-5
    mu_growth: Annotated[
        float,
        Meta(
            ge=1,
            le=100,
            title="Penalty growth",
            description="What the penalty is multiplied by after each L-step.",
            extra={"decimals": 3, "step": 0.1},
        ),
    ] = 1.1

    def phases(self, training: Training) -> tuple[Phase, ...]:
        """Return a dense training phase and the L-steps."""
        steps = (Phase(self.l_epochs, 0.98**k, decays=False) for k in range(self.l_steps))
        return (Phase(training.epochs), *steps)


class Surgery(PruningSpec, frozen=True, kw_only=True, tag="dns"):
    """Remove small weights and bring back those that grow again (dynamic network surgery)."""

    sparsity: Sparsity = 0.0
    c_rate: Annotated[
        tuple[Annotated[float, Meta(ge=-100, le=100)], ...],
        Meta(
            min_length=1,
            title="Threshold factors",
            description="A connection is removed if its magnitude is below its layer's mean plus "
            "this many standard deviations: one number for all layers, or one for each. 1 to 4 as "
            "published. The sparsity is an outcome.",
        ),
    ] = (2.0,)
    surgery_epochs: Annotated[
        int,
        Meta(
            ge=1,
            le=100_000,
            title="Surgery epochs",
            description="Passes over the training images during surgery, after the dense training.",
        ),
    ] = 20
    splice_steps: Annotated[
        int,
        Meta(
            ge=1,
            le=10_000_000,
            title="Steps with changes",
            description="After this many steps of surgery the mask no longer changes. 8,000 to "
            "14,000 as published.",
            extra={"unit": "steps"},
        ),
    ] = 10_000
    gamma: Annotated[
        float,
        Meta(
            ge=0,
            le=1,
            title="Decay of changes",
            description="The mask may change at step i with the probability (1 + gamma i)^-power, "
            "of which this is gamma. 0.0001 to 0.001 as published.",
            extra={"decimals": 5, "step": 0.0001},
        ),
    ] = 1e-4
    power: Annotated[
        float,
        Meta(
            ge=0,
            le=10,
            title="Power of changes",
            description="The power in that probability.",
            extra={"decimals": 2, "step": 0.5},
        ),
    ] = 1.0

    def phases(self, training: Training) -> tuple[Phase, ...]:
        """Return a dense training phase and the surgery."""
        return (Phase(training.epochs), Phase(self.surgery_epochs))


class Imp(PruningSpec, frozen=True, kw_only=True, tag="imp"):
    """Alternate training, removal of small weights and rewinding (Frankle & Carbin 2019)."""

    prunable: PrunableField = "weights"
    rounds: Annotated[
        int,
        Meta(
            ge=1,
            le=100,
            title="Rounds",
            description="How often weights are removed and the rest is trained again.",
        ),
    ] = 5

    def phases(self, training: Training) -> tuple[Phase, ...]:
        """Return a dense training phase, and a whole training for each round."""
        return (Phase(training.epochs),) * (self.rounds + 1)


class LayerSurgeon(PruningSpec, frozen=True, kw_only=True, tag="layer-obs"):
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
    rounds: RoundsField = 1
    retrain_epochs: RetrainEpochsField = 2
    retrain_rate: RetrainRateField = 0.1

    def phases(self, training: Training) -> tuple[Phase, ...]:
        """Return a dense training phase and a retraining phase for each round."""
        retraining = Phase(self.retrain_epochs, self.retrain_rate)
        return (Phase(training.epochs), *(retraining for _ in range(self.rounds)))


SYSTEMS = (
    Method(
        title="Han 2015",
        description="The network is trained; then weights that are small for their layer are "
        "removed and the rest is retrained, round after round.",
        score_name="relative magnitude",
        spec=Han,
        prune="snip_gui.core.methods.systems.han:prune",
        masks_for="training",
        regime="snip_gui.core.methods.systems.han:make_regime",
        trains_with=(
            "rounds",
            "retrain_epochs",
            "retrain_rate",
            "l1",
            "lower_dropout",
            "drop_units",
        ),
    ),
    Method(
        title="Dynamic network surgery",
        description="The network is trained; then small weights are removed while training "
        "continues, and those that grow large again are brought back.",
        score_name="magnitude",
        spec=Surgery,
        prune="snip_gui.core.methods.criteria.magnitude:prune",
        masks_for="training",
        regime="snip_gui.core.methods.systems.dns:make_regime",
        trains_with=("c_rate", "surgery_epochs", "splice_steps", "gamma", "power"),
    ),
    Method(
        title="Learning-compression",
        description="The network is trained; then training alternates with projection onto the "
        "sparsity, to which a growing penalty draws the weights.",
        score_name="magnitude",
        spec=LearningCompression,
        prune="snip_gui.core.methods.criteria.magnitude:prune",
        masks_for="training",
        regime="snip_gui.core.methods.systems.lc:make_regime",
        trains_with=("l_steps", "l_epochs", "mu", "mu_growth"),
    ),
    Method(
        title="Lottery ticket (IMP)",
        description="The network is trained; then small weights are removed and the rest is "
        "trained again from its initial weights, round after round.",
        score_name="magnitude",
        spec=Imp,
        prune="snip_gui.core.methods.criteria.magnitude:prune",
        masks_for="training",
        regime="snip_gui.core.methods.systems.imp:make_regime",
        trains_with=("rounds",),
    ),
    Method(
        title="Layer-wise OBS",
        description="The network is trained; then every layer loses the connections that matter "
        "least for its output, corrects the others, and the network is retrained.",
        score_name="magnitude",
        spec=LayerSurgeon,
        prune="snip_gui.core.methods.criteria.magnitude:prune",
        masks_for="training",
        regime="snip_gui.core.methods.systems.layer_obs:make_regime",
        trains_with=(
            "kept",
            "damping",
            "downdate",
            "rounds",
            "retrain_epochs",
            "retrain_rate",
        ),
    ),
)
"""The entries, in the order of menus and lists."""
