"""Settings and entries of systems that train with noise, by which connections are removed."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from snip_gui.core.recipe.pruning import Method, PrunableField, PruningSpec, Sparsity, Sweep
from snip_gui.core.recipe.training import Phase, Training


class SparseVariational(PruningSpec, frozen=True, kw_only=True, tag="sparse-vd"):
    """Learn a noise for every weight, and remove those that are mostly noise."""

    sparsity: Sparsity = 0.0
    prunable: PrunableField = "weights"
    log_alpha: Annotated[
        float,
        Meta(
            gt=-8,
            lt=8,
            title="Threshold of noise",
            description="A weight is removed if the logarithm of its variance over its square is "
            "at least this. 3 as published. The sparsity is an outcome.",
            extra={"decimals": 2, "step": 0.5},
        ),
    ] = 3.0
    kl_weight: Annotated[
        float,
        Meta(
            gt=0,
            le=1000,
            title="Divergence weight",
            description="What the divergence from the prior is multiplied by. 1 as published; "
            "more removes more.",
            extra={"decimals": 3, "step": 0.1},
        ),
    ] = 1.0
    ramp_start: Annotated[
        int,
        Meta(
            ge=0,
            le=100_000,
            title="Divergence from epoch",
            description="Epochs without the divergence. 5 in the authors' script; according to "
            "them, 0 in the paper.",
        ),
    ] = 5
    ramp_epochs: Annotated[
        int,
        Meta(
            ge=0,
            le=100_000,
            title="Ramp epochs",
            description="Epochs within which the divergence then grows to its full weight. 15 in "
            "the authors' script; according to them, 0 in the paper.",
        ),
    ] = 15

    def phases(self, training: Training) -> tuple[Phase, ...]:
        """Return a single phase, in which noise is learnt from the start."""
        return (Phase(training.epochs, purpose="pruning"),)

    def share_passes(self, passes: int) -> tuple[PruningSpec, int]:
        """Let the divergence grow within the first third."""
        ramp = passes // 4
        spec = msgspec.structs.replace(
            self,
            ramp_start=min(self.ramp_start, passes // 3 - ramp),
            ramp_epochs=min(self.ramp_epochs, ramp),
        )
        return spec, passes


class HardConcrete(PruningSpec, frozen=True, kw_only=True, tag="l0"):
    """Learn which input units and maps to remove, by gates with an L0 penalty."""

    sparsity: Sparsity = 0.0
    l0_weight: Annotated[
        tuple[Annotated[float, Meta(ge=0, le=1e6)], ...],
        Meta(
            min_length=1,
            title="L0 penalty",
            description="Penalty (lambda) for each weight that is not zero, divided by the number "
            "of training images: one number for all layers, or one for each. 0.1 as published. "
            "The sparsity is an outcome.",
        ),
    ] = (0.1,)

    def phases(self, training: Training) -> tuple[Phase, ...]:
        """Return a single phase, in which gates are trained from the start."""
        return (Phase(training.epochs, purpose="pruning"),)


RELAXED = (
    Method(
        title="Sparse variational dropout",
        description="Every weight learns a noise while the network trains; weights that are "
        "mostly noise are removed.",
        score_name="magnitude",
        spec=SparseVariational,
        prune="snip_gui.core.methods.criteria.magnitude:prune",
        masks_for="training",
        regime="snip_gui.core.methods.systems.sparse_vd:make_regime",
        sweep=Sweep("kl_weight", (1.0, 2.0)),
        optimizer="adam",
        trains_with=("log_alpha", "kl_weight", "ramp_start", "ramp_epochs"),
    ),
    Method(
        title="L0 gates",
        description="Random gates on input units and maps are trained with a penalty on open "
        "ones; the result is a smaller architecture.",
        score_name="magnitude",
        spec=HardConcrete,
        prune="snip_gui.core.methods.criteria.magnitude:prune",
        masks_for="training",
        regime="snip_gui.core.methods.systems.l0:make_regime",
        sweep=Sweep("l0_weight", ((0.1,), (0.3,), (1.0,))),
        optimizer="adam",
        trains_with=("l0_weight",),
    ),
)
"""The entries, in the order of menus and lists."""
