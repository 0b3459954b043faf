"""The networks there are: one row each. Importing this module does not import torch."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from snip_gui.core.registry import Registry

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, slots=True)
class WindowStep:
    """A convolution or pooling on the way from the input: its width and its stride, in pixels."""

    width: int
    stride: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInfo:
    """A network that can be chosen.

    Attributes
    ----------
    num_parameters
        Weights and biases on the paper's data set, the paper's total.
    paper_sparsities
        Sparsities that the paper reports for it.
    chain
        Its layers from input to output, each fed by the one before.
    windows
        What lies between the input and the first fully connected layer, for receptive fields;
        empty if the network begins with a fully connected layer.
    factory
        ``module:class`` of the network, called with the image shape and the number of classes.
    """

    name: str
    title: str
    description: str
    num_parameters: int
    paper_sparsities: tuple[float, ...]
    chain: tuple[str, ...]
    windows: tuple[WindowStep, ...] = ()
    factory: str

    def build(self, image_shape: tuple[int, int, int], num_classes: int) -> nn.Module:
        """Return the network for images of a shape (C, H, W), with weights yet to be drawn.

        Raises
        ------
        UserError
            If the network does not fit the images.
        """
        module, _, name = self.factory.partition(":")
        factory = getattr(importlib.import_module(module), name)
        return cast("nn.Module", factory(image_shape, num_classes))


MODELS: Registry[ModelInfo] = Registry(
    "network",
    "model.name",
    [
        ModelInfo(
            name="lenet-300-100",
            title="LeNet-300-100",
            description="Three fully connected layers (784-300-100-10) with ReLU.",
            num_parameters=266_610,
            paper_sparsities=(0.9, 0.95, 0.98),
            chain=("fc1", "fc2", "fc3"),
            factory="snip_gui.core.models.lenet:LeNet300100",
        ),
        ModelInfo(
            name="lenet-5-caffe",
            title="LeNet-5-Caffe",
            description="Two convolutions (20 and 50 maps of 5x5, max pooling, no ReLU) and two "
            "fully connected layers (500, 10).",
            num_parameters=431_080,
            paper_sparsities=(0.9, 0.98, 0.99),
            chain=("conv1", "conv2", "fc1", "fc2"),
            windows=(WindowStep(5, 1), WindowStep(2, 2), WindowStep(5, 1), WindowStep(2, 2)),
            factory="snip_gui.core.models.lenet:LeNet5Caffe",
        ),
    ],
)
