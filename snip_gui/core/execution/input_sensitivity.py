"""How much the loss depends on each input pixel, in the whole network and in the pruned one.

It needs no input map, so that it exists for every network. The value of a pixel is
``|x dL/dx|`` with L the loss of an image, added over channels and averaged over the minibatch.

Shapes: N images, B images of a pass, C channels, H rows, W columns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from snip_gui.core.base.events import Event, run_to_end
from snip_gui.core.pruning.events import InputSensitivityMade
from snip_gui.core.pruning.scoring_pass import scoring_mode, split_passes
from snip_gui.core.pruning.workbench import build_steps

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.base.environment import Environment
    from snip_gui.core.data.images.image_set import ImageSet
    from snip_gui.core.pruning.scored import Scored

# Gradients of the inputs of a large network take much memory.
_PASS_SIZE = 100


def input_sensitivity_job(
    scored: Scored,
    num_kept: int,
    environment: Environment,
    images: ImageSet,
    cancel: CancelToken,
) -> Iterator[Event]:
    """Compute the sensitivity of the inputs with and without a mask.

    Ends with `InputSensitivityMade`.

    Raises
    ------
    UserError
        If the network cannot be built; see `build_steps`.
    """
    bench = run_to_end(build_steps(scored.recipe, environment, images, cancel))
    _, inputs_NCHW, labels_N = bench.minibatch
    whole_HW = input_sensitivity(bench.model, inputs_NCHW, labels_N)
    cancel.raise_if_cancelled()
    with torch.no_grad():
        for name, parameter in bench.prunable.items():
            mask = scored.masks.get_mask(scored.layout[name], num_kept)
            parameter.mul_(torch.from_numpy(mask).to(parameter.device))
    pruned_HW = input_sensitivity(bench.model, inputs_NCHW, labels_N)
    yield InputSensitivityMade(scored, num_kept, whole_HW, pruned_HW)


def input_sensitivity(
    model: nn.Module, inputs_NCHW: Tensor, labels_N: Tensor
) -> NDArray[np.float32]:
    """Return ``|x dL/dx|`` (H, W), added over channels and averaged over images.

    BatchNorm is in evaluation mode, so that an image does not depend on the others.
    """
    total_HW = torch.zeros(inputs_NCHW.shape[2:], dtype=torch.float64)
    with scoring_mode(model, "evaluation"):
        for part in split_passes(model, inputs_NCHW, _PASS_SIZE):
            inputs_BCHW = inputs_NCHW[part].clone().requires_grad_()
            # A copy, because an in-place first layer must not overwrite a leaf.
            outputs_BK = model(inputs_BCHW.clone())
            loss = nn.functional.cross_entropy(outputs_BK, labels_N[part], reduction="sum")
            (gradient_BCHW,) = torch.autograd.grad(loss, [inputs_BCHW])
            product_BCHW = (inputs_BCHW.detach() * gradient_BCHW).abs()
            total_HW += product_BCHW.sum(dim=(0, 1), dtype=torch.float64).cpu()
    found: NDArray[np.float32] = (total_HW / len(inputs_NCHW)).float().numpy()
    return found
