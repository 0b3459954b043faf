"""The pruning methods: their settings, and one entry for each in `METHODS`.

Nothing else lists methods: recipes are decoded with the settings defined here, and forms, flags,
``snip-gui list methods``, grids and sweeps are generated from these entries. No torch: an entry
names the function that does the work, which is imported when it runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeAlias, Union, get_args

import msgspec
from msgspec import Meta

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.registry import Registry, install_hint, refuse_empty
from snip_gui.core.recipe.field import find_fields
from snip_gui.core.recipe.pruning import (
    UNAVAILABLE,
    MasksFor,
    Method,
    PrunableField,
    PruningSpec,
    ScoringModeField,
    ScoringSpec,
    Unavailable,
)
from snip_gui.core.recipe.training import Phase, Training

if TYPE_CHECKING:
    from collections.abc import Sequence


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


RESERVED_FLAGS = frozenset(
    ("accept-edits", "added-epochs", "added-rate", "again", "augmentation", "batch-size",
     "beside", "classes", "data-dir", "dataset", "decay-at", "decay-factor", "device",
     "epochs", "extend", "h", "help", "image-memory", "image-size", "init", "input-size",
     "labels", "learning-rate", "method", "minibatch-seed", "minibatch-size", "model",
     "model-file", "model-symbol", "momentum", "no-shrink", "no-skip-unreadable", "optimizer",
     "out", "precision", "preset", "quiet", "recipe", "resume", "schedule", "seed", "seeds",
     "shrink", "skip-unreadable", "sparsities", "stop-after", "threads", "trust-code",
     "validation-fraction", "weight-decay", "weights", "weights-key")
)  # fmt: skip
"""Flags of the command line that are not settings of a method, which may not use them."""


def _check(method: Method, others: Sequence[Method]) -> None:
    """Raise if a method that a package adds cannot be used in a recipe, a form or a command."""
    if not isinstance(method, Method):
        raise TypeError(f"{method!r} is not a Method")
    if not issubclass(method.spec, PruningSpec):
        raise TypeError(f"{method.spec.__name__} does not derive from PruningSpec")
    if method.name == UNAVAILABLE:
        raise ValueError(f"its tag “{UNAVAILABLE}” is reserved")
    refuse_empty(method, "title", "description", "score_name")
    if method.masks_for not in get_args(MasksFor):
        choices = ", ".join(get_args(MasksFor))
        raise ValueError(f"masks_for is “{method.masks_for}”, which is not one of {choices}")
    if method.masks_for == "training" and not method.regime:
        raise ValueError("masks_for is “training”, but it has no regime that finds the masks")
    for name in ("prune", "regime"):
        target = getattr(method, name)
        if ":" not in target and (target or name == "prune"):
            raise ValueError(f"its {name} is “{target}”, which does not name a module and function")
    _check_settings(method.spec, others)
    settings = method.spec.__struct_fields__
    for name in method.trains_with:
        if name not in settings:
            raise ValueError(f"trains_with names “{name}”, which is not one of its settings")
    known = {"training", *(f"training.{name}" for name in Training.__struct_fields__)}
    known |= {f"pruning.{name}" for name in settings}
    for path in method.depends_on:
        if path not in known:
            raise ValueError(f"depends_on names “{path}”, which is not a setting of the recipe")


def _check_settings(spec: type[PruningSpec], others: Sequence[Method]) -> None:
    """Raise if settings cannot be decoded, or have no form or flag of their own."""
    required = [field.name for field in msgspec.structs.fields(spec) if field.required]
    if required:
        raise ValueError(f"its setting “{required[0]}” has no default")
    # Settings that cannot be decoded would make every recipe unreadable.
    decoder = msgspec.json.Decoder(Union[spec, Snip])  # noqa: UP007 - built at run time
    if decoder.decode(msgspec.json.encode(spec())) != spec():
        raise ValueError(f"{spec.__name__} reads back differently")
    fields = {field.path: field for field in find_fields(msgspec.inspect.type_info(spec), "")}
    untitled = [name for name in spec.__struct_fields__ if name not in fields]
    if untitled:
        raise ValueError(f"its setting “{untitled[0]}” has no title: annotate it with Meta")
    taken = dict.fromkeys(RESERVED_FLAGS, "")
    for other in others:
        for field in find_fields(msgspec.inspect.type_info(other.spec), ""):
            taken |= dict.fromkeys(field.flags, field.path)
            own = fields.get(field.path)
            # Forms and flags are made once for all methods that have a setting of this name.
            if own is not None and own.values != field.values:
                raise ValueError(
                    f"its setting “{own.path}” is also one of “{other.name}”, of another type or "
                    "with other bounds: rename it"
                )
    for field in fields.values():
        for flag in field.flags:
            if taken.setdefault(flag, field.path) != field.path:
                raise ValueError(
                    f"its setting “{field.path}” would have the flag --{flag}, which has another "
                    "meaning: rename it"
                )


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
        If the package that provides it is not installed, is broken, or is a version with other
        settings.
    """
    if isinstance(pruning, Unavailable):
        raise unavailable_error(pruning.name, pruning.requirement)
    return METHODS[pruning.method]


def unavailable_error(name: str, requirement: str) -> UserError:
    """Return the error that says why the method of a recipe cannot be used here.

    Parameters
    ----------
    requirement
        The package that the recipe names, as a requirement for pip.
    """
    plugin, problem = METHODS.get_plugin(name), METHODS.find_problem(name)
    message, hint = f"The recipe needs “{name}”, which is not installed.", install_hint(requirement)
    if plugin is not None:
        message = (
            f"The recipe has settings of the pruning method “{name}” that the installed package "
            f"{plugin} does not accept."
        )
    elif problem:
        message = problem
        hint = f"If you trust it, reinstall it: pip install --force-reinstall '{requirement}'"
    return UserError(message, hint, field="pruning.method")
