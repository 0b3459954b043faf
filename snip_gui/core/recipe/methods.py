"""The pruning methods: their settings, and one row for each in `METHODS`.

Nothing else lists methods: recipes are decoded with the settings named here, and forms, flags,
``snip-gui list methods``, grids and sweeps are made from these rows. No torch: a row names the
function that does the work, which is imported when it runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeAlias, Union

import msgspec
from msgspec import Meta

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.registry import Registry
from snip_gui.core.recipe.field import find_fields
from snip_gui.core.recipe.pruning import (
    Method,
    PrunableField,
    PruningSpec,
    ScoringModeField,
    ScoringSpec,
    Unavailable,
)
from snip_gui.core.recipe.training import Phase, Training


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


class Grasp(ScoringSpec, frozen=True, kw_only=True, tag="grasp"):
    """Keep the connections whose removal would cost most gradient flow (Wang et al. 2020).

    By default as published: weights alone are pruned, and BatchNorm uses the statistics of the
    scored images.
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
        """Images of each class that are scored."""
        return self.samples_per_class

    def for_minibatch(self) -> Grasp:
        """Return the settings that score the minibatch at its own size."""
        return msgspec.structs.replace(self, samples_per_class=0)


class Han(PruningSpec, frozen=True, kw_only=True, tag="han"):
    """Train, remove small weights, retrain from where they are, and again (Han et al. 2015)."""

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
        """Return the dense training and a retraining for each round."""
        retraining = Phase(self.retrain_epochs, self.retrain_rate)
        return (Phase(training.epochs), *(retraining for _ in range(self.rounds)))


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
            score_name="gradient above the minimum",
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
        Method(
            title="GraSP",
            description="By what its removal would cost in gradient flow, weight times Hessian "
            "times gradient, sign included; on images drawn from every class.",
            score_name="gradient flow",
            spec=Grasp,
            prune="snip_gui.core.methods.grasp:prune",
        ),
        Method(
            title="Han 2015",
            description="The network is trained; then weights that are small for their layer are "
            "removed and the rest is retrained, round after round.",
            score_name="relative magnitude",
            spec=Han,
            prune="snip_gui.core.methods.han:prune",
            masks_for="training",
            regime="snip_gui.core.methods.han:make_regime",
            trains_with=("rounds", "retrain_epochs", "retrain_rate"),
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
            "The run says that it is of this package, to install if you trust it: "
            f"pip install '{pruning.requirement}'",
            field="pruning.method",
        )
    return METHODS[pruning.method]
