"""The recurrent networks of the paper (table 2), reconstructed; they read an image row by row.

The paper's parameter counts match one recurrent layer after a linear projection with bias of each
row, with one bias per gate. torch's cells have two; the second is frozen at zero and not prunable.
Unconfirmed: that the projection has no nonlinearity, and that the last step feeds the classifier.

Shapes: B images, C channels, H rows (steps), W columns, U units, K classes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from torch import nn

if TYPE_CHECKING:
    from torch import Tensor


class RowReader(nn.Module):
    """A projection, an LSTM or GRU over the rows, and a linear classifier on the last step."""

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        num_classes: int,
        *,
        cell: Literal["LSTM", "GRU"],
        units: int,
    ) -> None:
        super().__init__()
        channels, _, columns = image_shape
        self.projection = nn.Linear(channels * columns, units)
        kind = nn.LSTM if cell == "LSTM" else nn.GRU
        self.cell = kind(units, units, batch_first=True)
        second_bias = self.cell.get_parameter("bias_hh_l0").requires_grad_(False)
        nn.init.zeros_(second_bias)
        self.fc = nn.Linear(units, num_classes)

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """Return class scores, shape (B, K)."""
        rows_BHX = images_BCHW.transpose(1, 2).flatten(2)  # (B, H, C*W)
        steps_BHU, _ = self.cell(self.projection(rows_BHX))
        scores: Tensor = self.fc(steps_BHU[:, -1])
        return scores
