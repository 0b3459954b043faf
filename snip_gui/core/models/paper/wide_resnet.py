"""The wide residual networks of the paper (table 2), reconstructed.

The paper cites Zagoruyko & Komodakis (arXiv 1605.07146) and has no code for them. Here residual
blocks are pre-activated, every convolution has a bias, and projections read the activated input, as
in the first author's later code. This matches the paper's counts of kept parameters.

Shapes: B images, C channels, H rows, W columns, K classes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn
from torch.nn import functional

from snip_gui.core.graph.layers import batch_norm_2d

if TYPE_CHECKING:
    from torch import Tensor

_FIRST_MAPS = 16
_GROUPS = ((16, 1), (32, 2), (64, 2))  # channels before widening, stride of the first block


class WideResNet(nn.Module):
    """WRN-depth-width: three groups of (depth - 4) / 6 residual blocks."""

    def __init__(
        self, image_shape: tuple[int, int, int], num_classes: int, *, depth: int, width: int
    ) -> None:
        super().__init__()
        channels, rows, columns = image_shape
        stride = 2 if min(rows, columns) >= 64 else 1
        self.conv1 = nn.Conv2d(channels, _FIRST_MAPS, 3, stride, padding=1)
        blocks = []
        into = _FIRST_MAPS
        for maps, first_stride in _GROUPS:
            for number in range((depth - 4) // 6):
                blocks.append(_Block(into, maps * width, first_stride if number == 0 else 1))
                into = maps * width
        self.blocks = nn.ModuleList(blocks)
        self.norm = batch_norm_2d(into)
        self.fc = nn.Linear(into, num_classes)

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """Return class scores, shape (B, K)."""
        maps = self.conv1(images_BCHW)
        for block in self.blocks:
            maps = block(maps)
        units = functional.relu(self.norm(maps)).mean(dim=(2, 3))
        scores: Tensor = self.fc(units)
        return scores


class _Block(nn.Module):
    """BatchNorm, ReLU and convolution, twice, added to the input or its projection."""

    def __init__(self, into: int, out: int, stride: int) -> None:
        super().__init__()
        self.norm1 = batch_norm_2d(into)
        self.conv1 = nn.Conv2d(into, out, 3, stride, padding=1)
        self.norm2 = batch_norm_2d(out)
        self.conv2 = nn.Conv2d(out, out, 3, padding=1)
        self.projection = nn.Conv2d(into, out, 1, stride) if into != out else None

    def forward(self, maps: Tensor) -> Tensor:
        """Return feature maps, shape (B, out, H / stride, W / stride)."""
        active = functional.relu(self.norm1(maps))
        shortcut = maps if self.projection is None else self.projection(active)
        branch = self.conv2(functional.relu(self.norm2(self.conv1(active))))
        total: Tensor = branch + shortcut
        return total
