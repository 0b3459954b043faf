"""Creates the network that a recipe names: from the paper, torchvision or the user.

`find_network` needs no torch; the rest does. Shapes: C channels, H rows, W columns.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from snip_gui.core.base.errors import UserError
from snip_gui.core.models.catalogue import MODELS, ModelInfo
from snip_gui.core.models.own.source import OWN

if TYPE_CHECKING:
    from collections.abc import Collection

    from torch import nn

    from snip_gui.core.models.architecture import Architecture
    from snip_gui.core.recipe.recipe import ModelChoice

TORCHVISION = "torchvision:"

SUGGESTED = {
    "resnet18": "ResNet-18",
    "resnet50": "ResNet-50",
    "vgg16_bn": "VGG-16-BN",
    "mobilenet_v2": "MobileNetV2",
    "densenet121": "DenseNet-121",
    "vit_b_16": "ViT-B/16",
}
"""The networks of torchvision that are listed by default, and tested, with display names."""


@dataclass(frozen=True)
class Images:
    """What a network depends on in its images: their shape (C, H, W) and number of classes."""

    shape: tuple[int, int, int]
    num_classes: int


def find_network(choice: ModelChoice) -> ModelInfo:
    """Return what is known about a network before it is created.

    Raises
    ------
    UserError
        If the catalogue has none of this name.
    """
    if choice.name == OWN:
        file = Path(choice.file).name
        return ModelInfo(
            name=OWN,
            title=choice.symbol or "Your own network",
            description=f"“{choice.symbol}” of {file}." if file else "No file is chosen yet.",
        )
    if choice.name.startswith(TORCHVISION):
        name = choice.name.removeprefix(TORCHVISION)
        return ModelInfo(
            name=choice.name,
            title=SUGGESTED.get(name, name),
            description=f"torchvision's classification network “{name}”.",
        )
    return MODELS[choice.name]


def network_title(choice: ModelChoice) -> str:
    """Return the title of a network; its name if its package cannot be used."""
    try:
        return find_network(choice).title
    except UserError:
        return choice.name


def with_architecture(info: ModelInfo, architecture: Architecture) -> ModelInfo:
    """Return what is known about a network, completed by its measured architecture."""
    if info.layers:
        return info
    kind = "pixels" if architecture.first_linear else "none"
    return replace(
        info,
        layers=architecture.prunable_layers,
        num_parameters=architecture.num_parameters,
        input_map=kind,  # type: ignore[arg-type]  # mypy takes the two for a plain str
        mapped_layer=architecture.first_linear,
    )


@dataclass(frozen=True, eq=False)
class Network:
    """A network with weights.

    Attributes
    ----------
    input_shape
        Channels, rows and columns of its input.
    notes
        Sentences for the log.
    computed
        Names of weights that its code computed from other parameters; they are ordinary now.
    """

    module: nn.Module
    input_shape: tuple[int, int, int]
    notes: tuple[str, ...] = ()
    computed: tuple[str, ...] = ()


def find_input_shape(
    choice: ModelChoice, image_shape: tuple[int, int, int], num_classes: int
) -> tuple[int, int, int]:
    """Return the input shape (C, H, W) of a network for images of a given shape.

    This is the images' own shape if the network accepts it, otherwise the smallest larger one that
    it accepts, or the square that the recipe specifies. With weights from a file, torchvision's
    networks keep the three channels they were trained with, and greyscale images are repeated.

    Raises
    ------
    UserError
        If the network does not accept such images.
    """
    channels, rows, columns = image_shape
    if choice.input_size:
        rows = columns = choice.input_size
    if choice.name.startswith(TORCHVISION):
        if choice.weights and channels == 1:
            channels = 3
        name = choice.name.removeprefix(TORCHVISION)
        return _smallest_shape((channels, rows, columns), num_classes, name)
    least = find_network(choice).least_side
    if min(rows, columns) < least:
        scale = least / min(rows, columns)
        rows, columns = max(least, round(rows * scale)), max(least, round(columns * scale))
    return channels, rows, columns


@functools.lru_cache(maxsize=64)
def _smallest_shape(
    shape: tuple[int, int, int], num_classes: int, name: str
) -> tuple[int, int, int]:
    """Return `smallest_shape` of a torchvision network, cached."""
    from snip_gui.core.models.torchvision_models import smallest_shape

    return smallest_shape(shape, num_classes, name)


def make_network(
    choice: ModelChoice,
    image_shape: tuple[int, int, int],
    num_classes: int,
    *,
    seed: int,
    trusted: Collection[str] = (),
) -> Network:
    """Create the network, initialise its weights, and load those of the recipe's file over them.

    Parameters
    ----------
    seed
        Seed of the weights; torch's global generator is restored.
    trusted
        Digests of the Python files that the user has agreed to run.

    Raises
    ------
    UserError
        If the network cannot be created for such images, or its weights cannot be read.
    """
    shape = find_input_shape(choice, image_shape, num_classes)
    module, computed = _drawn(choice, shape, num_classes, seed, trusted)
    notes: list[str] = []
    if choice.weights:
        from snip_gui.core.models.weights import load_weights

        notes += load_weights(module, Path(choice.weights), choice.weights_key)
    return Network(module, shape, tuple(notes), computed)


def reinitialise(
    module: nn.Module,
    choice: ModelChoice,
    input_shape: tuple[int, int, int],
    num_classes: int,
    *,
    seed: int,
    trusted: Collection[str] = (),
) -> None:
    """Reinitialise a network with the recipe's scheme and another seed."""
    from snip_gui.core.base.network_state import load_state

    fresh, _ = _drawn(choice, input_shape, num_classes, seed, trusted)
    load_state(module, fresh.state_dict())


def _drawn(
    choice: ModelChoice,
    shape: tuple[int, int, int],
    num_classes: int,
    seed: int,
    trusted: Collection[str],
) -> tuple[nn.Module, tuple[str, ...]]:
    """Return a newly initialised network in single precision, and its formerly computed weights."""
    import torch

    from snip_gui.core.models.init import initialise

    # torch's layers initialise themselves from the global generator, which a training run may be
    # using.
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # not those of GPUs, which are not restored
        module, computed = _made(choice, shape, num_classes, trusted)
    initialise(module, choice.init, seed)
    if MODELS.get_plugin(choice.name) is not None:
        _refuse_bad_scores(module, choice.name, shape, num_classes)
    return module, computed


def _refuse_bad_scores(
    module: nn.Module, name: str, shape: tuple[int, int, int], num_classes: int
) -> None:
    """Raise `UserError` unless a network of a package returns a finite score for each class."""
    import torch

    images_BCHW = torch.randn(2, *shape, generator=torch.Generator().manual_seed(0))
    was_training = module.training
    module.eval()
    try:
        with torch.random.fork_rng(devices=[]), torch.no_grad(), MODELS.blaming(name):
            scores = module(images_BCHW)
    finally:
        module.train(was_training)
    if not isinstance(scores, torch.Tensor):
        raise MODELS.fault(name, f"returns a value of type {type(scores).__name__}, not a tensor")
    if tuple(scores.shape) != (len(images_BCHW), num_classes):
        found, expected = tuple(scores.shape), (len(images_BCHW), num_classes)
        raise MODELS.fault(
            name, f"returns {found} for {len(images_BCHW)} images, instead of {expected}"
        )
    if not bool(scores.isfinite().all()):
        raise MODELS.fault(name, "returns class scores that are not finite")


def _made(
    choice: ModelChoice,
    shape: tuple[int, int, int],
    num_classes: int,
    trusted: Collection[str],
) -> tuple[nn.Module, tuple[str, ...]]:
    """Return the network as its code creates it, and its formerly computed weights."""
    if choice.name == OWN:
        from snip_gui.core.models.own.running import make_own
        from snip_gui.core.models.own.trial import check_scores

        module, computed = make_own(choice, shape, num_classes, trusted)
        check_scores(module, choice, shape, num_classes)
        return module, computed
    if choice.name.startswith(TORCHVISION):
        from snip_gui.core.models.torchvision_models import build_torchvision

        name = choice.name.removeprefix(TORCHVISION)
        return build_torchvision(shape, num_classes, name=name), ()
    from torch import nn

    with MODELS.blaming(choice.name):
        module = find_network(choice).build(shape, num_classes)
    if not isinstance(module, nn.Module):
        raise MODELS.fault(
            choice.name, f"is of type {type(module).__name__}, not a torch.nn.Module"
        )
    return module.float(), ()  # in half precision most sensitivities would be zero


def measure(
    choice: ModelChoice,
    image_shape: tuple[int, int, int],
    num_classes: int,
    trusted: Collection[str] = (),
) -> Architecture:
    """Return the architecture of a network, without initialising its weights.

    Raises
    ------
    UserError
        As `make_network`.
    """
    import torch

    from snip_gui.core.models.describe import describe_architecture

    shape = find_input_shape(choice, image_shape, num_classes)
    computed: tuple[str, ...] = ()
    with torch.random.fork_rng(devices=[]):
        if choice.name.startswith(TORCHVISION):
            from snip_gui.core.models.torchvision_models import shape_only

            module = shape_only(shape, num_classes, choice.name.removeprefix(TORCHVISION))
        else:
            module, computed = _made(choice, shape, num_classes, trusted)
        with MODELS.blaming(choice.name):
            return describe_architecture(module, shape, image_shape, num_classes, computed)


def without_file_weights(choice: ModelChoice) -> ModelChoice:
    """Return the choice without its weights file, for a run that has stored its initial weights."""
    return msgspec.structs.replace(choice, weights="", weights_digest="", weights_key="")
