"""2:4 sparsity: of every four consecutive inputs of a unit, the two most sensitive are kept.

Sparse tensor cores of NVIDIA GPUs compute with such matrices (Mishra et al. 2021). A convolution is
taken as the matrix that its kernels form: one row per output, and C x H x W inputs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from snip_gui.core.base.errors import UserError
from snip_gui.core.methods.one_shot import score_minibatch
from snip_gui.core.pruning.events import Pruned
from snip_gui.core.pruning.mask_source import OneMask

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from snip_gui.core.base.events import Event
    from snip_gui.core.graph.layout import Layout, TensorSpec
    from snip_gui.core.pruning.workbench import Workbench

GROUP, KEPT = 4, 2


def prune(bench: Workbench) -> Iterator[Event]:
    """Keep the two most sensitive of every four weights; ends with `Pruned`.

    Raises
    ------
    UserError
        If the inputs of a layer do not divide by four.
    """
    layout = bench.prunable.layout
    refuse_indivisible(layout)
    found = yield from score_minibatch(bench)
    masks = {tensor.name: mask_of(tensor, found.sensitivity_M) for tensor in layout.tensors}
    yield Pruned(TwoOfFour(layout, masks), gradient_M=found.gradient_M, loss=found.loss)


class TwoOfFour(OneMask):
    """The only mask with two of every four weights."""

    def describe(self, num_kept: int) -> str:
        """Return that the sparsity cannot be chosen."""
        return (
            f"Two of every four weights are kept, {num_kept:,} of "
            f"{self.layout.num_parameters:,} connections, whatever the sparsity."
        )


def refuse_indivisible(layout: Layout) -> None:
    """Raise `UserError` for layers whose inputs do not divide by four."""
    odd = {
        tensor.layer: tensor.size // tensor.shape[0]
        for tensor in layout.weights
        if tensor.size // tensor.shape[0] % GROUP
    }
    if odd:
        layers = ", ".join(f"“{layer}” has {inputs:,}" for layer, inputs in odd.items())
        raise UserError(
            f"2:4 needs layers whose number of inputs divides by four: {layers}.",
            f"Exclude {'this layer' if len(odd) == 1 else 'these layers'} from pruning "
            f"(--exclude {' '.join(odd)}), or choose another method.",
            field="pruning.exclude",
        )


def mask_of(tensor: TensorSpec, score_M: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return the mask of a tensor; ties go to the lower index, and biases are kept."""
    if not tensor.is_weight:
        return np.ones(tensor.shape, bool)
    groups = score_M[tensor.offset : tensor.end].reshape(-1, GROUP)
    kept = np.argsort(-groups, axis=1, kind="stable")[:, :KEPT]
    mask = np.zeros(groups.shape, bool)
    np.put_along_axis(mask, kept, values=True, axis=1)
    return mask.reshape(tensor.shape)
