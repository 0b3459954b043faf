"""Settings and entries of the random masks that other methods are compared with."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from snip_gui.core.recipe.pruning import Method, PrunableField, PruningSpec, ScoringSpec


class RandomMask(PruningSpec, frozen=True, kw_only=True, tag="random"):
    """Keep connections chosen uniformly at random: the baseline for every other method."""


class Shuffled(ScoringSpec, frozen=True, kw_only=True, tag="shuffled"):
    """Keep as many connections per layer as SNIP does, at random: its mask shuffled by layer."""


class Inverted(ScoringSpec, frozen=True, kw_only=True, tag="inverted"):
    """Keep as many connections per layer as SNIP does, but the least sensitive ones."""


class Uniform(PruningSpec, frozen=True, kw_only=True, tag="uniform"):
    """Keep the same fraction of every layer, at random."""

    prunable: PrunableField = "weights"


class Erk(PruningSpec, frozen=True, kw_only=True, tag="erk"):
    """Keep a larger fraction of small layers, at random (Evci et al. 2020)."""

    prunable: PrunableField = "weights"


class RandomTicket(ScoringSpec, frozen=True, kw_only=True, tag="random-ticket"):
    """Keep a given number of connections per layer, at random (Su et al. 2020)."""

    prunable: PrunableField = "weights"
    ratios: Annotated[
        Literal["smart", "snip"],
        Meta(
            title="Layer ratios",
            description="How many connections of each layer are kept. Smart ratio: fewer toward "
            "the output, and 30% of a last linear layer, without looking at any image. SNIP's: as "
            "many as SNIP keeps.",
            extra={"labels": {"smart": "Smart ratio", "snip": "SNIP's"}},
        ),
    ] = "smart"


CONTROLS = (
    Method(
        title="Random mask",
        description="At random: the control for every other method.",
        score_name="random score",
        spec=RandomMask,
        prune="snip_gui.core.methods.controls.random_mask:prune",
    ),
    Method(
        title="SNIP, shuffled",
        description="As SNIP does, then shuffled within each layer: as many connections of "
        "each layer are kept, but others.",
        score_name="shuffled sensitivity",
        spec=Shuffled,
        prune="snip_gui.core.methods.controls.shuffled:prune",
    ),
    Method(
        title="SNIP, inverted",
        description="As many connections of each layer as SNIP keeps, but those with the lowest "
        "sensitivity.",
        score_name="inverted sensitivity",
        spec=Inverted,
        prune="snip_gui.core.methods.controls.inverted:prune",
    ),
    Method(
        title="Uniform",
        description="At random, the same fraction of every layer.",
        score_name="random score",
        spec=Uniform,
        prune="snip_gui.core.methods.controls.uniform:prune",
    ),
    Method(
        title="ERK",
        description="At random, a larger fraction of small layers (Erdős-Rényi-Kernel).",
        score_name="random score",
        spec=Erk,
        prune="snip_gui.core.methods.controls.erk:prune",
    ),
    Method(
        title="Random ticket",
        description="At random, with a fixed rule or SNIP's masks for how many of each layer.",
        score_name="random score",
        spec=RandomTicket,
        prune="snip_gui.core.methods.controls.random_ticket:prune",
    ),
)
"""The entries, in the order of menus and lists."""
