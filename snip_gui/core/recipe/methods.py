"""The pruning methods: their settings, and one entry for each in `METHODS`.

Nothing else lists methods: recipes are decoded with the settings defined here, and forms, flags,
``snip-gui list methods``, grids and sweeps are generated from these entries. No torch: an entry
names the function that does the work, which is imported when it runs.
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
    """Keep the connections whose removal would affect the loss most (connection sensitivity)."""


class SignedGradient(ScoringSpec, frozen=True, kw_only=True, tag="signed-gradient"):
    """Keep the connections with the largest signed gradient (paper, figure 6)."""


class RandomMask(PruningSpec, frozen=True, kw_only=True, tag="random"):
    """Keep connections chosen uniformly at random: the baseline for every other method."""


class Shuffled(ScoringSpec, frozen=True, kw_only=True, tag="shuffled"):
    """Keep as many connections per layer as SNIP does, at random: its mask shuffled by layer."""


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


def _check(method: Method) -> None:
    """Raise if a method that a package adds cannot be used in a recipe or a form."""
    if not isinstance(method, Method):
        raise TypeError(f"{method!r} is not a Method")
    if not issubclass(method.spec, PruningSpec):
        raise TypeError(f"{method.spec.__name__} does not derive from PruningSpec")
    # Settings that cannot be decoded would make every recipe unreadable.
    decoder = msgspec.json.Decoder(Union[method.spec, Snip])  # noqa: UP007 - built at run time
    if decoder.decode(msgspec.json.encode(method.spec())) != method.spec():
        raise ValueError(f"{method.spec.__name__} reads back differently")
    titled = {field.path for field in find_fields(msgspec.inspect.type_info(method.spec), "")}
    untitled = set(method.spec.__struct_fields__) - titled
    if untitled:
        raise ValueError(f"its setting “{min(untitled)}” has no title: annotate it with Meta")


GROUP = "snip_gui.methods"
"""The entry-point group through which installed packages add methods."""

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
    # msgspec decodes a union of the settings of all methods, distinguished by their tags.
    _specs = (*(method.spec for method in METHODS), Unavailable)
    Pruning = Union[_specs]  # noqa: UP007 - built at run time


def find_method(pruning: PruningSpec) -> Method:
    """Return the entry of the method in the pruning part of a recipe.

    Raises
    ------
    UserError
        If the package that provides it is not installed.
    """
    if isinstance(pruning, Unavailable):
        raise UserError(
            f"The pruning method “{pruning.name}” is not installed.",
            "The run says that it is of this package, to install if you trust it: "
            f"pip install '{pruning.requirement}'",
            field="pruning.method",
        )
    return METHODS[pruning.method]
