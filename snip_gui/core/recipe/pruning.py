"""What defines a pruning method: its settings in a recipe, and its entry in the registry.

A method's settings are a subclass of `PruningSpec`; see `snip_gui.core.recipe.methods`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal, NamedTuple, TypeAlias

import msgspec
from msgspec import Meta

from snip_gui.core.recipe.edits import Edit
from snip_gui.core.recipe.part import RecipePart
from snip_gui.core.recipe.training import OptimizerName, Phase, Training

Prunable: TypeAlias = Literal["weights-and-biases", "weights"]
ScoringMode: TypeAlias = Literal["evaluation", "training"]
AfterPruning: TypeAlias = Literal["keep", "redraw", "isometric"]

Sparsity: TypeAlias = Annotated[
    float,
    Meta(
        ge=0,
        lt=1,
        title="Sparsity",
        description="Fraction of the prunable parameters that is removed. 0 is the dense network.",
        extra={"decimals": 4, "step": 0.01},
    ),
]
PrunableField: TypeAlias = Annotated[
    Prunable,
    Meta(
        title="Prune",
        description="Which parameters of convolutional, linear, recurrent and attention layers "
        "can be pruned. The paper counts weights and biases; most reimplementations "
        "count only weights. BatchNorm is never pruned.",
        extra={"labels": {"weights-and-biases": "Weights, biases", "weights": "Weights only"}},
    ),
]
ExcludeField: TypeAlias = Annotated[
    tuple[str, ...],
    Meta(
        title="Excluded layers",
        description="Layers that stay dense: they are not scored, counted or pruned.",
        extra={"choices_from": "layers"},
    ),
]
FloorField: TypeAlias = Annotated[
    int,
    Meta(
        ge=0,
        title="Min. kept per layer",
        description="Number of weights kept in every layer, the most sensitive ones of the "
        "layer, whatever the other layers score. 0 is the method as published, which "
        "can remove a whole layer.",
        extra={"unit": "weights per layer", "zero": "none"},
    ),
]
AfterField: TypeAlias = Annotated[
    AfterPruning,
    Meta(
        title="After pruning",
        description="Train the weights that were scored or, as the official code does, newly "
        "initialised weights under the same mask; or move the kept weights of each layer, without "
        "any data, until it is as close to orthogonal as its mask allows (approximate isometry).",
        extra={
            "labels": {
                "keep": "Keep weights",
                "redraw": "Reinitialise weights",
                "isometric": "Make layers isometric",
            }
        },
    ),
]
ScoringModeField: TypeAlias = Annotated[
    ScoringMode,
    Meta(
        title="BatchNorm mode",
        description="How BatchNorm normalises while scoring. Evaluation mode uses the initial "
        "running statistics, as the official code does; training mode uses those of the "
        "minibatch. No effect without BatchNorm.",
        extra={"labels": {"evaluation": "Evaluation mode", "training": "Training mode"}},
    ),
]
BatchesField: TypeAlias = Annotated[
    int,
    Meta(
        ge=0,
        le=1_000_000,
        title="Minibatches",
        description="How many random minibatches of this size are scored: signed gradients are "
        "added up before the absolute value is taken. All: every training image of the chosen "
        "classes.",
        extra={"zero": "all"},
    ),
]


EditsField: TypeAlias = tuple[Edit, ...]


class PruningSpec(RecipePart, frozen=True, kw_only=True, tag_field="method"):
    """Settings that all pruning methods have; the tag is the name of the method.

    ``edits`` has no field in forms: masks are edited in their pictures.
    """

    sparsity: Sparsity = 0.9
    prunable: PrunableField = "weights-and-biases"
    exclude: ExcludeField = ()
    floor: FloorField = 0
    after: AfterField = "keep"
    edits: EditsField = ()

    @property
    def method(self) -> str:
        """Name of the method."""
        return str(self.__struct_config__.tag)

    @property
    def images_per_class(self) -> int:
        """Number of images of each class to score; 0 to use the minibatch as drawn."""
        return 0

    @property
    def num_batches(self) -> int:
        """Number of minibatches to score; 0 for all training images."""
        return 1

    def for_minibatch(self) -> PruningSpec:
        """Return the settings that score a minibatch of any size."""
        return self

    def phases(self, training: Training) -> tuple[Phase, ...]:
        """Return the phases of training, without any extra epochs.

        There is one, unless the method trains several times.
        """
        return (Phase(training.epochs),)

    def share_passes(self, passes: int) -> tuple[PruningSpec, int]:
        """Divide a number of passes over the training images among the phases.

        Parameters
        ----------
        passes
            At least 2.

        Returns
        -------
        settings
            Settings with which all phases together take at most that many passes.
        epochs
            Epochs of training to use them with.
        """
        return self, passes


class ScoringSpec(PruningSpec, frozen=True, kw_only=True):
    """Settings of a method that passes the minibatch through the network."""

    scoring_mode: ScoringModeField = "evaluation"


class AccumulatingSpec(ScoringSpec, frozen=True, kw_only=True):
    """Settings of a method whose gradients can be accumulated over several minibatches."""

    batches: BatchesField = 1

    @property
    def num_batches(self) -> int:
        """Number of minibatches to score; 0 for all training images."""
        return self.batches

    def for_minibatch(self) -> AccumulatingSpec:
        """Return the settings that score a minibatch of any size."""
        return msgspec.structs.replace(self, batches=1)


UNAVAILABLE = "unavailable"


class Unavailable(PruningSpec, frozen=True, kw_only=True, tag=UNAVAILABLE):
    """Settings of a method that cannot be used here; its runs can still be viewed.

    Its package is not installed, is broken, or is a version with other settings.

    Attributes
    ----------
    name
        Name of the method.
    requirement
        The package, as a requirement for pip.
    settings
        The pruning part of the recipe as it was read, in JSON.
    """

    name: str
    requirement: str
    settings: str

    @property
    def method(self) -> str:
        """Name of the method."""
        return self.name


class Sweep(NamedTuple):
    """Values of a setting that give networks of different sparsity."""

    setting: str
    values: tuple[Any, ...]


MasksFor: TypeAlias = Literal["every-sparsity", "target-sparsity", "training"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A pruning method.

    Attributes
    ----------
    title
        Name to display.
    description
        One sentence on how connections are chosen.
    score_name
        Short name of the quantity that connections are ranked by.
    spec
        Class of its settings, whose tag is the name of the method in recipes.
    prune
        ``"module:function"``: takes a `snip_gui.core.pruning.workbench.Workbench` and yields
        events, the last of which is a `snip_gui.core.pruning.events.Pruned`.
    masks_for
        What the computed masks are valid for: ``every-sparsity``, or only the ``target-sparsity``
        of the recipe. With ``training`` the network starts dense and the masks are found while it
        trains. Wherever they are not valid, the slider shows a preview, labelled as such.
    regime
        ``"module:function"``: takes a workbench and returns the
        `snip_gui.core.training.regime.Regime` to train with; empty for a static mask.
    depends_on
        Dotted names of the parts of the recipe that the masks depend on in addition to the network,
        the images, the minibatch and the method's own settings, such as ``("training",)``.
    trains_with
        Names of the settings that affect training only.
    sweep
        For a method whose sparsity is an outcome: what to compare instead of sparsities.
    optimizer
        The optimizer that the method needs; empty for any.
    """

    title: str
    description: str
    score_name: str
    spec: type[PruningSpec]
    prune: str
    masks_for: MasksFor = "every-sparsity"
    regime: str = ""
    depends_on: tuple[str, ...] = ()
    trains_with: tuple[str, ...] = ()
    sweep: Sweep | None = None
    optimizer: OptimizerName | Literal[""] = ""

    @property
    def name(self) -> str:
        """The name in a recipe."""
        return str(self.spec.__struct_config__.tag)
