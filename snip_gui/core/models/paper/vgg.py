"""The three VGG networks of the paper (table 6; official code, ``network.py``).

Thirteen convolutions, each followed by BatchNorm and ReLU, with max pooling after the 2nd, 4th,
7th, 10th and 13th. VGG-C has 1x1 kernels in the 7th, 10th and 13th; VGG-like has one fully
connected layer fewer than VGG-D. No dropout.

Shapes: B images, C channels, H rows, W columns, K classes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from torch import nn
from torch.nn import functional

from snip_gui.core.base.errors import UserError
from snip_gui.core.graph.layers import batch_norm_1d, batch_norm_2d, conv_same

if TYPE_CHECKING:
    from torch import Tensor

_MAPS = (64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512)
_POOLED_AFTER = (2, 4, 7, 10, 13)
_POINTWISE_IN_C = (7, 10, 13)
_UNITS = 512


class VGG(nn.Module):
    """VGG-C, VGG-D or VGG-like."""

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        num_classes: int,
        *,
        variant: Literal["C", "D", "like"] = "D",
    ) -> None:
        super().__init__()
        channels, rows, columns = image_shape
        if min(rows, columns) < 32:
            raise UserError(
                f"VGG-{variant} does not fit images of {rows}x{columns} pixels.",
                "Its five poolings need at least 32x32; choose another network or data set.",
                field="model.name",
            )
        # On 64x64 images the first stride is doubled, so the layers after it do not change.
        stride = 2 if min(rows, columns) >= 64 else 1
        rows, columns = -(-rows // stride), -(-columns // stride)
        for number, maps in enumerate(_MAPS, 1):
            kernel = 1 if variant == "C" and number in _POINTWISE_IN_C else 3
            layer = conv_same(channels, maps, kernel, stride if number == 1 else 1)
            self.add_module(f"conv{number}", layer)
            self.add_module(f"norm{number}", batch_norm_2d(maps))
            channels = maps
        self._num_hidden = 1 if variant == "like" else 2
        into = channels * (rows // 32) * (columns // 32)
        for number in range(1, self._num_hidden + 1):
            self.add_module(f"fc{number}", nn.Linear(into, _UNITS))
            self.add_module(f"fc_norm{number}", batch_norm_1d(_UNITS))
            into = _UNITS
        self.add_module(f"fc{self._num_hidden + 1}", nn.Linear(into, num_classes))

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """Return class scores, shape (B, K)."""
        maps = images_BCHW
        for number in range(1, len(_MAPS) + 1):
            maps = self.get_submodule(f"conv{number}")(maps)
            maps = functional.relu(self.get_submodule(f"norm{number}")(maps))
            if number in _POOLED_AFTER:
                maps = functional.max_pool2d(maps, 2)
        units = maps.flatten(1)
        for number in range(1, self._num_hidden + 1):
            units = self.get_submodule(f"fc{number}")(units)
            units = functional.relu(self.get_submodule(f"fc_norm{number}")(units))
        scores: Tensor = self.get_submodule(f"fc{self._num_hidden + 1}")(units)
        return scores
