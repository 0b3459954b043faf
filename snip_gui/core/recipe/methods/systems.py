"""Settings and entries of systems that prune a trained network, or prune while they train."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from snip_gui.core.recipe.pruning import Method, PrunableField, PruningSpec
from snip_gui.core.recipe.training import Phase, Training


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
    rounds: Annotated[
        int,
        Meta(
            ge=1,
            le=100,
            title="Rounds",
            description="How often weights are removed and the rest is retrained.",
        ),
    ] = 3
    retrain_epochs: Annotated[
        int,
        Meta(
            ge=1,
            le=100_000,
            title="Epochs per round",
            description="Passes over the training images after each removal.",
        ),
    ] = 5
    retrain_rate: Annotated[
        float,
        Meta(
            gt=0,
            le=1,
            title="Rate of rounds",
            description="What the learning rate is multiplied by while retraining. A tenth as "
            "published.",
            extra={"decimals": 3, "step": 0.05},
        ),
    ] = 0.1

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
        trains_with=("rounds", "retrain_epochs", "retrain_rate"),
    ),
)
"""The entries, in the order of menus and lists."""
