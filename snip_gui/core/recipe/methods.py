"""The pruning methods: their settings, and one row for each in `METHODS`.

Nothing else lists methods: recipes are decoded with the settings named here, and forms, flags,
``snip-gui list methods``, grids and sweeps are made from these rows. No torch: a row names the
function that does the work, which is imported when it runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias, Union

import msgspec

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.registry import Registry
from snip_gui.core.recipe.field import find_fields
from snip_gui.core.recipe.pruning import Method, PruningSpec, ScoringSpec, Unavailable


class Snip(ScoringSpec, frozen=True, kw_only=True, tag="snip"):
    """Keep the connections whose removal the loss would feel most (connection sensitivity)."""


class SignedGradient(ScoringSpec, frozen=True, kw_only=True, tag="signed-gradient"):
    """Keep the connections with the largest gradient, sign included (paper, figure 6)."""


class RandomMask(PruningSpec, frozen=True, kw_only=True, tag="random"):
    """Keep a uniformly random choice of connections: the control for every other method."""


class Shuffled(ScoringSpec, frozen=True, kw_only=True, tag="shuffled"):
    """Keep as many of each layer as SNIP, but others: its mask shuffled within the layers."""


class Magnitude(PruningSpec, frozen=True, kw_only=True, tag="magnitude"):
    """Keep the largest weights; of a pruned checkpoint these are the ones that it kept."""


def _check(method: Method) -> None:
    """Raise if a method that a package adds cannot stand in a recipe or a form."""
    if not isinstance(method, Method):
        raise TypeError(f"{method!r} is not a Method")
    if not issubclass(method.spec, PruningSpec):
        raise TypeError(f"{method.spec.__name__} does not derive from PruningSpec")
    # Settings that cannot be read back would spoil every recipe.
    decoder = msgspec.json.Decoder(Union[method.spec, Snip])  # noqa: UP007 - made at run time
    if decoder.decode(msgspec.json.encode(method.spec())) != method.spec():
        raise ValueError(f"{method.spec.__name__} reads back differently")
    titled = {field.path for field in find_fields(msgspec.inspect.type_info(method.spec), "")}
    untitled = set(method.spec.__struct_fields__) - titled
    if untitled:
        raise ValueError(f"its setting “{min(untitled)}” has no title: annotate it with Meta")


GROUP = "snip_gui.methods"
"""Of the entry points through which installed packages add methods."""

METHODS: Registry[Method] = Registry(
    "pruning method",
    "pruning.method",
    (
        Method(
            title="SNIP",
            description="By connection sensitivity on the minibatch, |weight x gradient|.",
            score_name="sensitivity",
            spec=Snip,
            prune="snip_gui.core.methods.snip:prune",
        ),
        Method(
            title="Signed gradient",
            description="By the gradient alone, sign included, which the paper's appendix A shows "
            "beside SNIP.",
            score_name="gradient above the least",
            spec=SignedGradient,
            prune="snip_gui.core.methods.signed_gradient:prune",
        ),
        Method(
            title="Random mask",
            description="At random: the control for every other method.",
            score_name="random score",
            spec=RandomMask,
            prune="snip_gui.core.methods.random_mask:prune",
        ),
        Method(
            title="SNIP, shuffled",
            description="As SNIP does, then shuffled within each layer: as many connections of "
            "each layer are kept, but others.",
            score_name="shuffled sensitivity",
            spec=Shuffled,
            prune="snip_gui.core.methods.shuffled:prune",
        ),
        Method(
            title="Magnitude",
            description="The largest weights are kept; of a pruned checkpoint these are the ones "
            "that it kept.",
            score_name="magnitude",
            spec=Magnitude,
            prune="snip_gui.core.methods.magnitude:prune",
        ),
    ),
    plugins=GROUP,
    check=_check,
)

if TYPE_CHECKING:
    Pruning: TypeAlias = PruningSpec
else:
    # msgspec decodes a union of the settings of all methods, told apart by their tags.
    _specs = (*(method.spec for method in METHODS), Unavailable)
    Pruning = Union[_specs]  # noqa: UP007 - made at run time


def find_method(pruning: PruningSpec) -> Method:
    """Return the row of the method that a recipe's pruning names.

    Raises
    ------
    UserError
        If it is of a package that is not installed here.
    """
    if isinstance(pruning, Unavailable):
        raise UserError(
            f"The pruning method “{pruning.name}” is not installed.",
            f"Install its package: pip install '{pruning.requirement}'",
            field="pruning.method",
        )
    return METHODS[pruning.method]
