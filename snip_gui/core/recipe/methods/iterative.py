"""Settings and entries of the criteria that are computed in several rounds before training."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from msgspec import Meta

from snip_gui.core.recipe.pruning import AccumulatingSpec, Method, PrunableField, PruningSpec

ScoreRoundsField: TypeAlias = Annotated[
    int,
    Meta(
        ge=1,
        le=1000,
        title="Rounds",
        description="How often connections are scored and removed before training; every round "
        "keeps the same fraction of them.",
    ),
]


class IterativeSnip(AccumulatingSpec, frozen=True, kw_only=True, tag="iterative-snip"):
    """Remove connections in rounds, and score those that remain again (de Jorge et al. 2021)."""

    score_rounds: ScoreRoundsField = 60


class Force(AccumulatingSpec, frozen=True, kw_only=True, tag="force"):
    """As iterative SNIP, but removed connections can return (de Jorge et al. 2021)."""

    score_rounds: ScoreRoundsField = 60


class SnipIt(AccumulatingSpec, frozen=True, kw_only=True, tag="snip-it"):
    """Score again at levels that halve the distance to the sparsity (Verdenius et al. 2020)."""

    levels: Annotated[
        int,
        Meta(
            ge=1,
            le=30,
            title="Levels",
            description="Number of levels of sparsity: 50 % is the first, and each later one "
            "halves the distance to the last. 7 as published.",
        ),
    ] = 7


class NtkSap(PruningSpec, frozen=True, kw_only=True, tag="ntk-sap"):
    """Keep the spectrum of the neural tangent kernel, in rounds (Wang et al. 2023)."""

    prunable: PrunableField = "weights"
    score_rounds: ScoreRoundsField = 20
    draws: Annotated[
        int,
        Meta(
            ge=1,
            le=1000,
            title="Draws",
            description="How many draws of random images and initial weights each round averages "
            "over: Gaussian images, as many as the minibatch has. 5 as published for CIFAR-10.",
        ),
    ] = 5
    perturbation: Annotated[
        float,
        Meta(
            gt=0,
            le=1,
            title="Perturbation",
            description="Standard deviation of the random change of the weights whose effect on "
            "the outputs is measured. 0.01 as published.",
            extra={"decimals": 4, "step": 0.01},
        ),
    ] = 0.01


ITERATIVE = (
    Method(
        title="Iterative SNIP",
        description="As SNIP does, in rounds: those that remain are scored again.",
        score_name="sensitivity",
        spec=IterativeSnip,
        prune="snip_gui.core.methods.iterative.iterative_snip:prune",
        masks_for="target-sparsity",
    ),
    Method(
        title="FORCE",
        description="By their sensitivity in the sparse network, in rounds in which removed "
        "connections can return.",
        score_name="foresight sensitivity",
        spec=Force,
        prune="snip_gui.core.methods.iterative.force:prune",
        masks_for="target-sparsity",
    ),
    Method(
        title="SNIP-it",
        description="As SNIP does, at several levels of sparsity, each of which halves the "
        "distance to the last.",
        score_name="sensitivity",
        spec=SnipIt,
        prune="snip_gui.core.methods.iterative.snip_it:prune",
        masks_for="target-sparsity",
    ),
    Method(
        title="NTK-SAP",
        description="By how much a random change of the weights would change the outputs for "
        "random images, in rounds; without labels.",
        score_name="saliency",
        spec=NtkSap,
        prune="snip_gui.core.methods.iterative.ntk_sap:prune",
        masks_for="target-sparsity",
    ),
)
"""The entries, in the order of menus and lists."""
