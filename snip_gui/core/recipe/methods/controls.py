"""Settings and entries of the random masks that other methods are compared with."""

from __future__ import annotations

from snip_gui.core.recipe.pruning import Method, PruningSpec, ScoringSpec


class RandomMask(PruningSpec, frozen=True, kw_only=True, tag="random"):
    """Keep connections chosen uniformly at random: the baseline for every other method."""


class Shuffled(ScoringSpec, frozen=True, kw_only=True, tag="shuffled"):
    """Keep as many connections per layer as SNIP does, at random: its mask shuffled by layer."""


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
)
"""The entries, in the order of menus and lists."""
