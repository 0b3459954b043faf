"""The two LeNets of the paper (section 5.1; official code, ``network.py``).

Shapes: B images, C channels, H rows, W columns, K classes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn
from torch.nn import functional

from snip_gui.core.base.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor


class LeNet300100(nn.Module):
    """Three fully connected layers with ReLU in between: 266,610 parameters on 28x28x1."""

    def __init__(self, image_shape: tuple[int, int, int], num_classes: int) -> None:
        super().__init__()
        channels, rows, columns = image_shape
        self.fc1 = nn.Linear(channels * rows * columns, 300)
        self.fc2 = nn.Linear(300, 100)
        self.fc3 = nn.Linear(100, num_classes)

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """Return class scores, shape (B, K)."""
        units = images_BCHW.flatten(1)  # (B, C*H*W)
        units = functional.relu(self.fc1(units))  # (B, 300)
        units = functional.relu(self.fc2(units))  # (B, 100)
        scores: Tensor = self.fc3(units)
        return scores


class LeNet5Caffe(nn.Module):
    """Two convolutions and two fully connected layers: 431,080 parameters on 28x28x1.

    No ReLU after the convolutions, as in the official code and in Caffe's own definition.
    """

    def __init__(self, image_shape: tuple[int, int, int], num_classes: int) -> None:
        super().__init__()
        channels, rows, columns = image_shape
        if min(rows, columns) < 16:
            raise UserError(
                f"LeNet-5-Caffe does not fit images of {rows}x{columns} pixels.",
                "It needs at least 16x16; choose another network or data set.",
                field="model.name",
            )
        self.conv1 = nn.Conv2d(channels, 20, 5)
        self.conv2 = nn.Conv2d(20, 50, 5)
        positions = _after_convolutions(rows) * _after_convolutions(columns)
        self.fc1 = nn.Linear(50 * positions, 500)
        self.fc2 = nn.Linear(500, num_classes)

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """Return class scores, shape (B, K)."""
        maps = functional.max_pool2d(self.conv1(images_BCHW), 2)  # (B, 20, 12, 12)
        maps = functional.max_pool2d(self.conv2(maps), 2)  # (B, 50, 4, 4)
        units = functional.relu(self.fc1(maps.flatten(1)))  # (B, 500)
        scores: Tensor = self.fc2(units)
        return scores


def _after_convolutions(pixels: int) -> int:
    """Return the side length after two 5x5 convolutions, each followed by 2x2 pooling."""
    return ((pixels - 4) // 2 - 4) // 2
