"""Settings and entries of systems that prune a trained network."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from snip_gui.core.recipe.methods.retraining import Han, Imp, LayerSurgeon, PretrainedSpec
from snip_gui.core.recipe.pruning import Method, PrunableField, PruningSpec, Sparsity, Sweep
from snip_gui.core.recipe.training import Phase, Training


class LearningCompression(PretrainedSpec, frozen=True, kw_only=True, tag="lc"):
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

    def later_phases(self, training: Training) -> tuple[Phase, ...]:
        """Return the L-steps."""
        return tuple(
            Phase(self.l_epochs, 0.98**k, decays=False, purpose="pruning")
            for k in range(self.l_steps)
        )

    def share_passes(self, passes: int) -> tuple[PruningSpec, int]:
        """Spend about two thirds on L-steps; fewer of them end at the same penalty."""
        available = passes - max(1, passes // 3)
        epochs = max(1, available // self.l_steps)
        steps = min(self.l_steps, available // epochs)
        growth = float(min(100, self.mu_growth ** (self.l_steps / steps)))
        spec = msgspec.structs.replace(self, l_steps=steps, l_epochs=epochs, mu_growth=growth)
        return spec, passes - steps * epochs


class Surgery(PretrainedSpec, frozen=True, kw_only=True, tag="dns"):
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

    def later_phases(self, training: Training) -> tuple[Phase, ...]:
        """Return the surgery."""
        return (Phase(self.surgery_epochs, purpose="pruning"),)

    def share_passes(self, passes: int) -> tuple[PruningSpec, int]:
        """Spend about two thirds on surgery."""
        epochs = max(1, passes // 3)
        return msgspec.structs.replace(self, surgery_epochs=passes - epochs), epochs


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
        sweep=Sweep("c_rate", ((1.0,), (2.0,), (4.0,))),
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
