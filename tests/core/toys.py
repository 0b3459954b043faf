"""Small networks and layouts for tests."""

from __future__ import annotations

import math

import torch
from torch import nn

from snip_gui.core.graph.layout import Layout, TensorSpec


def smooth_mlp() -> nn.Sequential:
    """A small network without kinks, in float64, its biases not zero."""
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 3))
    return model.double()


def smooth_conv_net() -> nn.Sequential:
    """A small convolutional network with BatchNorm, without kinks, in float64."""
    torch.manual_seed(2)
    model = nn.Sequential(
        nn.Conv2d(2, 3, 3),
        nn.BatchNorm2d(3),
        nn.Tanh(),
        nn.Conv2d(3, 4, 3, stride=2),
        nn.BatchNorm2d(4),
        nn.Tanh(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(4, 3),
    ).double()
    for module in model:
        if isinstance(module, nn.BatchNorm2d):  # statistics as after some training
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.5, 0.5)
            module.running_mean.uniform_(-0.5, 0.5)
            module.running_var.uniform_(0.5, 2)
    return model


class SmoothResidualNet(nn.Module):
    """A small residual network without kinks, in float64."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.first = nn.Conv2d(2, 4, 3, padding=1)
        self.inner = nn.Conv2d(4, 4, 3, padding=1)
        self.outer = nn.Conv2d(4, 4, 3, padding=1)
        self.last = nn.Linear(4, 3)
        self.double()

    def forward(self, x):
        x = torch.tanh(self.first(x))
        x = torch.tanh(x + self.outer(torch.tanh(self.inner(x))))
        return self.last(x.mean((2, 3)))


def toy_batches() -> dict[str, tuple[nn.Module, torch.Tensor, torch.Tensor]]:
    """A linear, a convolutional and a residual network, each with images and labels."""
    conv_net, pictures, labels = conv_net_with_batch()
    torch.manual_seed(4)
    rows = torch.randn(7, 6, dtype=torch.float64)
    return {
        "linear": (smooth_mlp(), rows, labels),
        "convolutional": (conv_net, pictures, labels),
        "residual": (SmoothResidualNet(), pictures, labels),
    }


def layout_of(*shapes: tuple[int, ...]) -> Layout:
    """A layout of tensors t0, t1, ... of one layer each."""
    tensors, offset = [], 0
    for number, shape in enumerate(shapes):
        kind = "convolution" if len(shape) == 4 else "linear"
        tensors.append(TensorSpec(f"t{number}.weight", f"t{number}", kind, shape, offset))
        offset += math.prod(shape)
    return Layout(tuple(tensors))


def conv_net_with_batch() -> tuple[nn.Sequential, torch.Tensor, torch.Tensor]:
    """The small convolutional network and images for it."""
    model = smooth_conv_net()
    torch.manual_seed(4)
    return model, torch.randn(7, 2, 8, 8, dtype=torch.float64), torch.arange(7) % 3
