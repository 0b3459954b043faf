"""The two AlexNets of the paper (table 5; official code, ``network.py``).

There is no pooling; every convolution has stride 2. Both follow the official code, whose fully
connected layers have 1024 k units: the paper says 512 k, but its parameter counts match the code.

Shapes: B images, C channels, H rows, W columns, K classes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn
from torch.nn import functional

from snip_gui.core.graph.layers import batch_norm_1d, batch_norm_2d, conv_same

if TYPE_CHECKING:
    from torch import Tensor

# Output channels and kernel size of each convolution.
_CONVOLUTIONS = ((96, 11), (256, 5), (384, 3), (384, 3), (256, 3))


class AlexNet(nn.Module):
    """Five convolutions and three fully connected layers.

    Parameters
    ----------
    width
        The paper's k: 1 for AlexNet-s, 2 for AlexNet-b.
    """

    def __init__(
        self, image_shape: tuple[int, int, int], num_classes: int, *, width: int = 1
    ) -> None:
        super().__init__()
        channels, rows, columns = image_shape
        # On 64x64 images the first stride is doubled, so the layers after it do not change.
        first_stride = 4 if min(rows, columns) >= 64 else 2
        for number, (maps, kernel) in enumerate(_CONVOLUTIONS, 1):
            stride = first_stride if number == 1 else 2
            self.add_module(f"conv{number}", conv_same(channels, maps, kernel, stride))
            self.add_module(f"norm{number}", batch_norm_2d(maps))
            rows, columns, channels = -(-rows // stride), -(-columns // stride), maps
        units = 1024 * width
        self.fc1 = nn.Linear(channels * rows * columns, units)
        self.norm6 = batch_norm_1d(units)
        self.fc2 = nn.Linear(units, units)
        self.norm7 = batch_norm_1d(units)
        self.fc3 = nn.Linear(units, num_classes)

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """Return class scores, shape (B, K)."""
        maps = images_BCHW
        for number in range(1, len(_CONVOLUTIONS) + 1):
            maps = self.get_submodule(f"conv{number}")(maps)
            maps = functional.relu(self.get_submodule(f"norm{number}")(maps))
        units = functional.relu(self.norm6(self.fc1(maps.flatten(1))))
        units = functional.relu(self.norm7(self.fc2(units)))
        scores: Tensor = self.fc3(units)
        return scores
