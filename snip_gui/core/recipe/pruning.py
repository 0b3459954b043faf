"""What every pruning method has: its settings in a recipe, and its row in the table of methods.

A method's own settings are a `PruningSpec` with more fields; see `snip_gui.core.recipe.methods`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

from msgspec import Meta

from snip_gui.core.recipe.part import RecipePart
from snip_gui.core.recipe.training import Phase, Training

Prunable: TypeAlias = Literal["weights-and-biases", "weights"]
ScoringMode: TypeAlias = Literal["evaluation", "training"]
AfterPruning: TypeAlias = Literal["keep", "redraw"]

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
        title="Minimum kept per layer",
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
        "initialised weights under the same mask.",
        extra={"labels": {"keep": "Keep weights", "redraw": "Reinitialise weights"}},
    ),
]
ScoringModeField: TypeAlias = Annotated[
    ScoringMode,
    Meta(
        title="BatchNorm while scoring",
        description="Evaluation mode uses the initial running statistics, as the official code "
        "does; training mode uses those of the minibatch. No effect without "
        "BatchNorm.",
        extra={"labels": {"evaluation": "Evaluation mode", "training": "Training mode"}},
    ),
]


class PruningSpec(RecipePart, frozen=True, kw_only=True, tag_field="method"):
    """What all pruning methods have in common; the tag is the name of the method."""

    sparsity: Sparsity = 0.9
    prunable: PrunableField = "weights-and-biases"
    exclude: ExcludeField = ()
    floor: FloorField = 0
    after: AfterField = "keep"

    @property
    def method(self) -> str:
        """Name of the method."""
        return str(self.__struct_config__.tag)

    @property
    def images_per_class(self) -> int:
        """How many images of each class are scored in place of a drawn minibatch; 0 for none."""
        return 0

    def for_minibatch(self) -> PruningSpec:
        """Return the settings that score a drawn minibatch at its own size."""
        return self

    def phases(self, training: Training) -> tuple[Phase, ...]:
        """Return the stretches that a training consists of, before any added epochs.

        One, unless the method trains several times.
        """
        return (Phase(training.epochs),)


class ScoringSpec(PruningSpec, frozen=True, kw_only=True):
    """A method that passes the minibatch through the network."""

    scoring_mode: ScoringModeField = "evaluation"


UNAVAILABLE = "unavailable"


class Unavailable(PruningSpec, frozen=True, kw_only=True, tag=UNAVAILABLE):
    """Settings of a method whose package is not installed: its runs can be looked at.

    Attributes
    ----------
    name
        Of the method.
    requirement
        The package, as pip installs it.
    settings
        The part of the recipe as it was read, as JSON.
    """

    name: str
    requirement: str
    settings: str

    @property
    def method(self) -> str:
        """Name of the method."""
        return self.name


MasksFor: TypeAlias = Literal["every-sparsity", "target-sparsity", "training"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One pruning method.

    Attributes
    ----------
    title
        What a person reads.
    description
        How connections are chosen, as one sentence.
    score_name
        What connections are ranked by, in a word or two.
    spec
        Its settings; their tag is the method's name in recipes.
    prune
        ``"module:function"``: a function of a `snip_gui.core.pruning.workbench.Workbench` that
        yields events, the last of them a `snip_gui.core.pruning.events.Pruned`.
    masks_for
        What the masks of one scoring hold for: ``every-sparsity``, or the ``target-sparsity`` of
        the recipe alone. Of ``training`` the masks are found while the network trains, which begins
        with all connections. Where they do not hold, the slider shows a preview and says so.
    regime
        ``"module:function"``: a function of a workbench that returns the
        `snip_gui.core.training.regime.Regime` to train by; empty for the one that changes nothing.
    depends_on
        Dotted names of parts of the recipe that the masks depend on, beside the network, the
        images, the minibatch and the method's own settings: ``("training",)``.
    trains_with
        Those of its settings that the training alone depends on.
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

    @property
    def name(self) -> str:
        """The name in a recipe."""
        return str(self.spec.__struct_config__.tag)
