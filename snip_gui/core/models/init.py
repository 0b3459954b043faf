"""Weight initialisation (paper, sections 4.2 and 5.5).

Orthogonal weights preserve signals, on which connection sensitivity depends (Lee et al. 2020, arXiv
1906.06307, section 4).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import nn

from snip_gui.core.graph.parameters import own_prunable

if TYPE_CHECKING:
    from torch import Tensor

    from snip_gui.core.recipe.recipe import Init

# Standard deviation of a standard normal truncated at two deviations; TensorFlow's variance scaling
# divides by it to get the intended deviation after truncation.
_CUT_DEVIATION = 0.87962566103423978


def initialise(model: nn.Module, scheme: Init, seed: int) -> None:
    """Initialise all weights of a network in state_dict order; biases of prunable layers are zero.

    Parameters
    ----------
    model
        The network. BatchNorm starts as usual: scale one, shift zero.
    scheme
        Initialisation scheme; the network's own leaves weights as its code set them.
    seed
        Seed of a private generator; the global one is not touched.
    """
    if scheme == "own":
        return
    generator = torch.Generator().manual_seed(seed)
    for module in model.modules():
        for parameter in own_prunable(module):
            if parameter.dim() > 1:
                _draw(parameter, scheme, generator)
            else:
                nn.init.zeros_(parameter)


@torch.no_grad()
def _draw(weight: Tensor, scheme: Init, generator: torch.Generator) -> None:
    """Initialise one weight tensor, always on the CPU, so that all devices agree."""
    drawn = torch.empty(weight.shape)
    window = math.prod(weight.shape[2:])
    fan_in, fan_out = weight.shape[1] * window, weight.shape[0] * window
    match scheme:
        case "variance-scaling":
            deviation = math.sqrt(1 / fan_in) / _CUT_DEVIATION
            bound = 2 * deviation
            nn.init.trunc_normal_(drawn, 0, deviation, -bound, bound, generator=generator)
        case "glorot":
            bound = math.sqrt(6 / (fan_in + fan_out))
            drawn.uniform_(-bound, bound, generator=generator)
        case "he":
            drawn.normal_(0, math.sqrt(2 / fan_in), generator=generator)
        case "orthogonal":
            # Rows or columns of the matrix (outputs, inputs x window) are orthonormal.
            nn.init.orthogonal_(drawn, generator=generator)
    weight.copy_(drawn)
