"""The catalogue of networks, one entry each. Importing this module does not import torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

from snip_gui.core.base.registry import Registry, load_target, refuse_empty

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn

InputMapKind: TypeAlias = Literal["pixels", "positions", "columns", "none"]


@dataclass(frozen=True, slots=True)
class WindowStep:
    """A convolution or pooling layer near the input: its kernel size and stride in pixels."""

    width: int
    stride: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInfo:
    """A network that can be chosen.

    Attributes
    ----------
    num_parameters
        Weights and biases on images of ``reference``, which is the paper's total; 0 if unknown.
    paper_sparsities
        Sparsities that the paper reports for it.
    layers
        Its prunable layers in order; empty if they are unknown before the network is created.
    input_map
        What the input map shows: the kept fraction of each pixel, of each position of the first
        fully connected layer's input, or of each column of the image; or nothing, if none of these
        exists.
    mapped_layer
        The layer whose inputs the input map shows.
    windows
        The layers between the input and the first fully connected layer, for ``positions``.
    factory, options
        ``module:class`` of the network, which is called with the image shape, the number of classes
        and the options.
    least_side
        Shorter side, in pixels, of the smallest images that it accepts.
    reference
        The paper's image shape (channels, rows, columns) and number of classes.
    reconstructed
        Which details are in neither the paper nor its code; empty if there are none.
    """

    name: str
    title: str
    description: str
    num_parameters: int = 0
    paper_sparsities: tuple[float, ...] = ()
    layers: tuple[str, ...] = ()
    input_map: InputMapKind = "none"
    mapped_layer: str = ""
    windows: tuple[WindowStep, ...] = ()
    factory: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    least_side: int = 1
    reference: tuple[tuple[int, int, int], int] = ((3, 32, 32), 10)
    reconstructed: str = ""

    @property
    def num_channels(self) -> int:
        """Channels of the paper's images."""
        return self.reference[0][0]

    def build(self, image_shape: tuple[int, int, int], num_classes: int) -> nn.Module:
        """Return the network for images of a shape (C, H, W); its weights are not yet initialised.

        Raises
        ------
        UserError
            If the network does not fit the images.
        """
        factory = load_target(self.factory)
        return cast("nn.Module", factory(image_shape, num_classes, **self.options))


_MNIST = ((1, 28, 28), 10)


def _lenets() -> list[ModelInfo]:
    return [
        ModelInfo(
            name="lenet-300-100",
            title="LeNet-300-100",
            description="Three fully connected layers (784-300-100-10) with ReLU.",
            num_parameters=266_610,
            paper_sparsities=(0.9, 0.95, 0.98),
            layers=("fc1", "fc2", "fc3"),
            input_map="pixels",
            mapped_layer="fc1",
            factory="snip_gui.core.models.paper.lenet:LeNet300100",
            reference=_MNIST,
        ),
        ModelInfo(
            name="lenet-5-caffe",
            title="LeNet-5-Caffe",
            description="Two convolutions (20 and 50 maps of 5x5, max pooling, no ReLU) and two "
            "fully connected layers (500, 10).",
            num_parameters=431_080,
            paper_sparsities=(0.9, 0.98, 0.99),
            layers=("conv1", "conv2", "fc1", "fc2"),
            input_map="positions",
            mapped_layer="fc1",
            least_side=16,
            windows=(WindowStep(5, 1), WindowStep(2, 2), WindowStep(5, 1), WindowStep(2, 2)),
            factory="snip_gui.core.models.paper.lenet:LeNet5Caffe",
            reference=_MNIST,
        ),
    ]


def _alexnets() -> list[ModelInfo]:
    return [
        ModelInfo(
            name=f"alexnet-{size}",
            title=f"AlexNet-{size}",
            description="Five convolutions of stride 2 and three fully connected layers "
            f"({units}, {units}, classes), with BatchNorm.",
            num_parameters=total,
            paper_sparsities=(0.9,),
            layers=("conv1", "conv2", "conv3", "conv4", "conv5", "fc1", "fc2", "fc3"),
            factory="snip_gui.core.models.paper.alexnet:AlexNet",
            options={"width": width},
        )
        for size, width, units, total in (("s", 1, 1024, 5_070_218), ("b", 2, 2048, 8_490_378))
    ]


def _vggs() -> list[ModelInfo]:
    convolutions = tuple(f"conv{number}" for number in range(1, 14))
    rows = (
        ("vgg-c", "C", 10_526_538, 0.95, 3, "the 7th, 10th and 13th of 1x1"),
        ("vgg-d", "D", 15_245_130, 0.95, 3, "all of 3x3"),
        ("vgg-like", "like", 14_982_474, 0.97, 2, "all of 3x3"),
    )
    return [
        ModelInfo(
            name=name,
            title=f"VGG-{variant}",
            description=f"Thirteen convolutions ({kernels}) and {num_fc} fully connected layers, "
            "with BatchNorm.",
            num_parameters=total,
            paper_sparsities=(sparsity,),
            layers=convolutions + tuple(f"fc{number}" for number in range(1, num_fc + 1)),
            factory="snip_gui.core.models.paper.vgg:VGG",
            options={"variant": variant},
            least_side=32,
        )
        for name, variant, total, sparsity, num_fc, kernels in rows
    ]


def _wide_resnets() -> list[ModelInfo]:
    rows = ((16, 8, 10_958_666), (16, 10, 17_113_258), (22, 8, 17_153_610))
    return [
        ModelInfo(
            name=f"wrn-{depth}-{width}",
            title=f"WRN-{depth}-{width}",
            description=f"A wide residual network with {depth} layers and width factor {width}.",
            num_parameters=total,
            paper_sparsities=(0.95,),
            layers=("conv1", *_block_layers((depth - 4) // 6), "fc"),
            factory="snip_gui.core.models.paper.wide_resnet:WideResNet",
            options={"depth": depth, "width": width},
            reconstructed="Reconstructed: no code was published; the paper's counts match biases "
            "in all convolutions.",
        )
        for depth, width, total in rows
    ]


def _block_layers(blocks_in_group: int) -> tuple[str, ...]:
    """Return the layers of all residual blocks; the first of a group has a projection."""
    names: list[str] = []
    for number in range(3 * blocks_in_group):
        parts = ["conv1", "conv2"] + (["projection"] if number % blocks_in_group == 0 else [])
        names += [f"blocks.{number}.{part}" for part in parts]
    return tuple(names)


def _recurrent() -> list[ModelInfo]:
    rows = (
        ("LSTM", "s", 128, 136_586),
        ("LSTM", "b", 256, 535_306),
        ("GRU", "s", 128, 103_690),
        ("GRU", "b", 256, 403_978),
    )
    return [
        ModelInfo(
            name=f"{cell.lower()}-{size}",
            title=f"{cell}-{size}",
            description=f"{cell} with {units} units that reads the image row by row, after a "
            "linear projection of each row.",
            num_parameters=total,
            paper_sparsities=(0.95,),
            layers=("projection", "cell", "fc"),
            input_map="columns",
            mapped_layer="projection",
            factory="snip_gui.core.models.paper.recurrent:RowReader",
            options={"cell": cell, "units": units},
            reference=_MNIST,
            reconstructed="Reconstructed: the paper's counts match a biased projection and one "
            "bias per gate; other details are unconfirmed.",
        )
        for cell, size, units, total in rows
    ]


def _check(network: ModelInfo, _others: Sequence[ModelInfo]) -> None:
    """Raise if an entry that a package adds is not a network."""
    if not isinstance(network, ModelInfo):
        raise TypeError(f"{network!r} is not a ModelInfo")
    if network.name == "own" or ":" in network.name:  # the user's networks, and torchvision's
        raise ValueError(f"its name “{network.name}” is reserved")
    if ":" not in network.factory:
        raise ValueError(f"{network.factory!r} does not name a module and a class")
    refuse_empty(network, "title", "description")


MODELS: Registry[ModelInfo] = Registry(
    "network",
    "model.name",
    [*_lenets(), *_alexnets(), *_vggs(), *_wide_resnets(), *_recurrent()],
    plugins="snip_gui.networks",
    check=_check,
)
