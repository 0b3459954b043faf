"""Layers of the paper's networks.

Shapes: B images, C channels, H rows, W columns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn
from torch.nn import functional

if TYPE_CHECKING:
    from torch import Tensor

# TensorFlow's defaults: eps 0.001, and a decay of the running averages of 0.99.
_EPS, _MOMENTUM = 1e-3, 0.01


def batch_norm_2d(channels: int) -> nn.BatchNorm2d:
    """Return BatchNorm of feature maps, with TensorFlow's defaults."""
    return nn.BatchNorm2d(channels, eps=_EPS, momentum=_MOMENTUM)


def batch_norm_1d(units: int) -> nn.BatchNorm1d:
    """Return BatchNorm of units, with TensorFlow's defaults."""
    return nn.BatchNorm1d(units, eps=_EPS, momentum=_MOMENTUM)


class ConvSame(nn.Conv2d):
    """A convolution with TensorFlow's ``SAME`` padding: if uneven, the end is padded more."""

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """Return feature maps of ``ceil(H / stride)`` by ``ceil(W / stride)``."""
        rows = find_same_padding(images_BCHW.shape[2], self.kernel_size[0], self.stride[0])
        columns = find_same_padding(images_BCHW.shape[3], self.kernel_size[1], self.stride[1])
        return super().forward(functional.pad(images_BCHW, (*columns, *rows)))


def conv_same(into: int, out: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    """Return a convolution with ``SAME`` padding and a bias."""
    if stride == 1:
        return nn.Conv2d(into, out, kernel, padding=kernel // 2)
    return ConvSame(into, out, kernel, stride)


def find_same_padding(length: int, kernel: int, stride: int) -> tuple[int, int]:
    """Return the padding before and after an axis."""
    total = max(0, (-(-length // stride) - 1) * stride + kernel - length)
    return total // 2, total - total // 2
