"""The recipe: everything that determines a result, as one immutable value.

A recipe is strict JSON: unknown fields, wrong types and values out of bounds are refused with the
name of the field. The environment (device, threads, folders) is not part of it, but is recorded
with the results. Each field carries its title, help, unit and bounds, which
`snip_gui.core.recipe.fields` reads for forms, the command line and error messages.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta
from msgspec.structs import replace

from snip_gui.core.recipe.methods import Pruning, Snip
from snip_gui.core.recipe.part import RecipePart as _Part
from snip_gui.core.recipe.training import Phase
from snip_gui.core.recipe.training import Training as Training  # re-exported, like the other parts

Init: TypeAlias = Literal["variance-scaling", "glorot", "he", "orthogonal", "own"]


class ModelChoice(_Part, frozen=True, kw_only=True):
    """Which network, and how its weights are initialised.

    The digests (SHA-256 of the contents) tie a recipe to the exact files it was created with;
    `snip_gui.core.models.own.source.pin_files` fills them in.
    """

    name: Annotated[
        str,
        Meta(
            title="Network",
            description="The network to prune: one from the paper, “torchvision:NAME” for a "
            "torchvision classification network, or “own” for your own.",
            extra={"flag": "model", "choices_from": "models"},
        ),
    ] = "lenet-300-100"
    file: Annotated[
        str,
        Meta(
            title="Network file",
            description="The Python file that defines your own network. Only this file is saved "
            "with a run, so it must contain all of the network's code.",
            extra={"flag": "model-file"},
        ),
    ] = ""
    symbol: Annotated[
        str,
        Meta(
            title="Class or function",
            description="The network's class in that file, or a function that returns the "
            "network. It is called with image_shape (channels, rows, columns) and "
            "num_classes if it has parameters with these names.",
            extra={"flag": "model-symbol"},
        ),
    ] = ""
    file_digest: str = ""
    init: Annotated[
        Init,
        Meta(
            title="Initial weights",
            description="How weights are initialised; biases start at zero. Variance scaling, as "
            "in the official code: truncated normal, variance 1 / fan-in. Glorot: "
            "uniform, variance 2 / (fan-in + fan-out). He: normal, variance 2 / "
            "fan-in. Orthogonal: a random orthogonal matrix, of which a signal keeps its length "
            "(Lee et al. 2020). The network's own: weights and biases as initialised by its "
            "code.",
            extra={
                "labels": {
                    "variance-scaling": "Variance scaling",
                    "glorot": "Glorot",
                    "he": "He",
                    "orthogonal": "Orthogonal",
                    "own": "The network's own",
                }
            },
        ),
    ] = "variance-scaling"
    weights: Annotated[
        str,
        Meta(
            title="Weights from",
            description="A safetensors file or plain PyTorch checkpoint to start from instead of "
            "random weights. A last layer with a different number of classes is "
            "randomly initialised.",
            extra={"flag": "weights"},
        ),
    ] = ""
    weights_digest: str = ""
    weights_key: Annotated[
        str,
        Meta(
            title="Key of the weights",
            description="Where the weights are in a PyTorch file that holds several sets of them, "
            "such as “model_ema”; keys of nested dictionaries are joined by dots. Empty: "
            "the only set that fits the network.",
            extra={"flag": "weights-key"},
        ),
    ] = ""
    input_size: Annotated[
        int,
        Meta(
            ge=0,
            le=1024,
            title="Input size",
            description="Images are resized to this many pixels a side for the network. 0 keeps "
            "their size, or uses the smallest size that the network accepts.",
            extra={"unit": "pixels", "flag": "input-size", "zero": "image size"},
        ),
    ] = 0


class DataChoice(_Part, frozen=True, kw_only=True):
    """Which images, and which fraction of them is the validation split."""

    name: Annotated[
        str,
        Meta(
            title="Data set",
            description="The images to score and train on.",
            extra={"flag": "dataset", "choices_from": "datasets"},
        ),
    ] = "digits"
    validation_fraction: Annotated[
        float,
        Meta(
            ge=0,
            le=0.5,
            title="Validation split",
            description="Fraction of the training images of each class set aside for validation.",
            extra={"decimals": 2, "step": 0.05},
        ),
    ] = 0.1
    image_size: Annotated[
        int,
        Meta(ge=0, le=512, title="Image size", extra={"unit": "pixels", "zero": "most common"},
             description="Images from a folder are scaled so that the longer side has this many "
                         "pixels. 0: their most common size, at most 64."),
    ] = 0  # fmt: skip
    skip_unreadable: Annotated[
        bool,
        Meta(
            title="Skip unreadable files",
            description="Skip files in a folder that cannot be read; "
            "otherwise the folder is not opened and the files are listed.",
        ),
    ] = False


ClassChoice: TypeAlias = int | str
"""A class by position or by name; ``#2`` is a position unless a class has that name."""


def class_text(choice: ClassChoice) -> str:
    """Return a class as text: its name, or its position as ``#2``."""
    return f"#{choice}" if isinstance(choice, int) else choice


def parse_class(text: str) -> ClassChoice:
    """Return the class that text stands for: a position such as ``#2``, or a name."""
    return int(text[1:]) if is_position(text) else text


def is_position(text: str) -> bool:
    """Return whether text is a position such as ``#2``."""
    return text[:1] == "#" and text[1:].isdecimal()


class Draw(_Part, frozen=True, kw_only=True, tag_field="kind", tag="draw"):
    """A seeded random draw from the training images."""

    classes: Annotated[
        tuple[Annotated[int, Meta(ge=0)] | str, ...],
        Meta(
            title="Classes",
            description="Draw from these classes only, by name or by position, which counts from 0 "
            "and is written '#2'; all classes if none is given.",
        ),
    ] = ()
    size: Annotated[
        int,
        Meta(
            ge=1,
            title="Minibatch size",
            description="Number of images to score.",
            extra={"flag": "minibatch-size", "unit": "images"},
        ),
    ] = 100
    seed: Annotated[
        int,
        Meta(
            ge=0,
            title="Draw",
            description="Seed of the random draw; another seed draws other images of the same "
            "classes.",
            extra={"flag": "minibatch-seed"},
        ),
    ] = 0


class OwnImage(_Part, frozen=True, kw_only=True):
    """A user-supplied image: the digest of its pixels, and its label."""

    digest: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    label: Annotated[int, Meta(ge=0)]


class Picked(_Part, frozen=True, kw_only=True, tag_field="kind", tag="picked"):
    """Images picked one by one: by index in the training file, and user-supplied ones."""

    indices: Annotated[
        tuple[Annotated[int, Meta(ge=0)], ...],
        Meta(
            title="Picked images",
            description="Positions of the images in the training file of the data set.",
        ),
    ]
    images: tuple[OwnImage, ...] = ()


Minibatch: TypeAlias = Draw | Picked


class Recipe(_Part, frozen=True, kw_only=True):
    """Everything that determines a result."""

    format: Literal[1] = 1
    model: ModelChoice = ModelChoice()
    data: DataChoice = DataChoice()
    minibatch: Minibatch = Draw()
    pruning: Pruning = Snip()
    training: Training = Training()
    seed: Annotated[
        int,
        Meta(
            ge=0,
            le=2**53,
            title="Seed",
            description="Determines every random choice: initial weights, validation split, "
            "minibatch, order of the training images.",
        ),
    ] = 0

    @property
    def phases(self) -> tuple[Phase, ...]:
        """The phases of training, without any extra epochs."""
        return self.pruning.phases(self.training)

    @property
    def num_epochs(self) -> int:
        """Total passes over the training images."""
        return sum(phase.epochs for phase in self.phases) + self.training.added_epochs


def without_edits(recipe: Recipe) -> Recipe:
    """Return a recipe without edits of its mask."""
    return replace(recipe, pruning=replace(recipe.pruning, edits=()))
