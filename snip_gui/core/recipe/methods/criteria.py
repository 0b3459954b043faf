"""Settings and entries of the criteria that are computed before training."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from snip_gui.core.recipe.pruning import (
    AccumulatingSpec,
    Method,
    PrunableField,
    PruningSpec,
    ScoringModeField,
    ScoringSpec,
)


class Snip(AccumulatingSpec, frozen=True, kw_only=True, tag="snip"):
    """Keep the connections whose removal would affect the loss most (connection sensitivity)."""

    granularity: Annotated[
        Literal["connection", "filter", "channel"],
        Meta(
            title="Granularity",
            description="What is ranked and removed. Filters and channels are whole units, with "
            "all connections into and out of them; those that are tied together, as in a residual "
            "sum, are removed together, and every layer keeps one. A filter is ranked by the "
            "connections into it, a channel also by those out of it.",
            extra={
                "labels": {
                    "connection": "Connections",
                    "filter": "Filters",
                    "channel": "Channels",
                }
            },
        ),
    ] = "connection"
    gather: Annotated[
        Literal["sum", "mean", "gate"],
        Meta(
            title="Unit score",
            description="How the sensitivities of a unit's connections are combined: their sum or "
            "mean, or that of a gate on the unit, which is the absolute value of the signed sum "
            "(SNAP). No effect on single connections.",
            extra={"labels": {"sum": "Sum", "mean": "Mean", "gate": "Gate"}},
        ),
    ] = "sum"


class TwoOfFour(ScoringSpec, frozen=True, kw_only=True, tag="two-of-four"):
    """Keep the two most sensitive of every four inputs of a unit (2:4 sparsity)."""

    prunable: PrunableField = "weights"


class SignedGradient(ScoringSpec, frozen=True, kw_only=True, tag="signed-gradient"):
    """Keep the connections with the largest signed gradient (paper, figure 6)."""


class Magnitude(PruningSpec, frozen=True, kw_only=True, tag="magnitude"):
    """Keep the largest weights; in a pruned checkpoint these are the ones that were kept."""


class Grasp(ScoringSpec, frozen=True, kw_only=True, tag="grasp"):
    """Keep the connections whose removal would reduce gradient flow most (Wang et al. 2020).

    The defaults are those of the paper: only weights are pruned, and BatchNorm uses the statistics
    of the scored images.
    """

    prunable: PrunableField = "weights"
    scoring_mode: ScoringModeField = "training"
    temperature: Annotated[
        float,
        Meta(
            gt=0,
            le=1e6,
            title="Temperature",
            description="The class scores are divided by it before the loss while scoring, so that "
            "no class is certain yet.",
            extra={"decimals": 2, "step": 10},
        ),
    ] = 200.0
    samples_per_class: Annotated[
        int,
        Meta(
            ge=0,
            le=10_000,
            title="Images per class",
            description="Images of each class that are scored, in place of the minibatch's size: "
            "25 as published, 10 in the authors' configurations. 0, or a minibatch picked by hand: "
            "the minibatch as it is.",
            extra={"unit": "images", "zero": "minibatch"},
        ),
    ] = 25

    @property
    def images_per_class(self) -> int:
        """Number of scored images of each class."""
        return self.samples_per_class

    def for_minibatch(self) -> Grasp:
        """Return the settings that score a minibatch of any size."""
        return msgspec.structs.replace(self, samples_per_class=0)


class ProsPr(ScoringSpec, frozen=True, kw_only=True, tag="prospr"):
    """Keep the connections that matter after the first steps of training (Alizadeh et al. 2022)."""

    prunable: PrunableField = "weights"
    scoring_mode: ScoringModeField = "training"
    inner_steps: Annotated[
        int,
        Meta(
            ge=0,
            le=100,
            title="Inner steps",
            description="Training steps that scoring looks ahead, with one minibatch each, besides "
            "the one that is scored in the end. 3 as published.",
        ),
    ] = 3
    inner_rate: Annotated[
        float,
        Meta(
            gt=0,
            le=100,
            title="Inner rate",
            description="Learning rate of these steps.",
            extra={"decimals": 4, "step": 0.05},
        ),
    ] = 0.1

    @property
    def num_batches(self) -> int:
        """Number of minibatches: one for each inner step, and one for the loss after them."""
        return self.inner_steps + 1


CRITERIA = (
    Method(
        title="SNIP",
        description="By connection sensitivity on the minibatch, |weight x gradient|.",
        score_name="sensitivity",
        spec=Snip,
        prune="snip_gui.core.methods.criteria.snip:prune",
    ),
    Method(
        title="2:4",
        description="The two most sensitive of every four inputs of a unit, as sparse tensor cores "
        "need it; the sparsity is always 50%.",
        score_name="sensitivity",
        spec=TwoOfFour,
        prune="snip_gui.core.methods.criteria.two_of_four:prune",
    ),
    Method(
        title="Signed gradient",
        description="By the gradient alone, sign included, which the paper's appendix A shows "
        "beside SNIP.",
        score_name="gradient above the minimum",
        spec=SignedGradient,
        prune="snip_gui.core.methods.criteria.signed_gradient:prune",
    ),
    Method(
        title="Magnitude",
        description="The largest weights are kept; of a pruned checkpoint these are the ones "
        "that it kept.",
        score_name="magnitude",
        spec=Magnitude,
        prune="snip_gui.core.methods.criteria.magnitude:prune",
    ),
    Method(
        title="GraSP",
        description="By what its removal would cost in gradient flow, weight times Hessian "
        "times gradient, sign included; on images drawn from every class.",
        score_name="gradient flow",
        spec=Grasp,
        prune="snip_gui.core.methods.criteria.grasp:prune",
    ),
    Method(
        title="ProsPr",
        description="By how much its removal would affect the loss a few training steps later.",
        score_name="prospective score",
        spec=ProsPr,
        prune="snip_gui.core.methods.criteria.prospr:prune",
    ),
)
"""The entries, in the order of menus and lists."""
