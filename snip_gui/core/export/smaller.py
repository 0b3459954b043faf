"""The physically smaller dense network that computes what a masked one does.

For a network that trains no more: constants are folded, units on no path left out, and BatchNorm is
taken up by the layer before it. Compared with the masked network on real images before it is used.

Shapes: B images, C channels, H rows, W columns.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn

from snip_gui.core.base.errors import UserError
from snip_gui.core.export.module_source import write_source
from snip_gui.core.export.proof import compute_scores, refuse_other_outputs
from snip_gui.core.export.recurrent_units import leave_out_units
from snip_gui.core.graph.constants import fold_constants
from snip_gui.core.graph.parameters import prunable_parameters
from snip_gui.core.graph.paths import find_paths
from snip_gui.core.graph.tracing import CannotFollowError
from snip_gui.core.models.paper.recurrent import RowReader
from snip_gui.core.pruning.masked_model import MaskedModel
from snip_gui.core.pruning.shrinking import cut

if TYPE_CHECKING:
    from torch import Tensor

    from snip_gui.core.graph.paths import Paths

_TRACED_IMAGES = 16


@dataclass(frozen=True, eq=False)
class Smaller:
    """The smaller network.

    Attributes
    ----------
    network
        In evaluation mode, made from ``source``; takes whole images, as the masked one does.
    source
        Its definition in Python, which needs torch alone.
    description
        What was left out, as a sentence.
    """

    network: nn.Module
    source: str
    description: str

    @property
    def num_parameters(self) -> int:
        """Numbers that are stored, those of buffers among them."""
        return sum(tensor.numel() for tensor in self.network.state_dict().values())


def make_smaller(network: nn.Module, images_BCHW: Tensor) -> Smaller:
    """Return the smaller network of a masked one.

    Parameters
    ----------
    network
        In evaluation mode, removed weights zero; left as it was.
    images_BCHW
        Real images, to compare the outputs on.

    Raises
    ------
    UserError
        If it cannot be made, or does not compute the same; says why.
    """
    sample_BCHW = images_BCHW[:_TRACED_IMAGES]
    try:
        small = _copy(network)
        make = _of_rows if isinstance(small, RowReader) else _of_paths
        made, source, description = make(small, sample_BCHW)
    except CannotFollowError as error:
        raise UserError(
            f"The network cannot be shrunk: {error}.", "Choose another format."
        ) from error
    other_BCHW = _other_images(images_BCHW)
    expected_BK = compute_scores(network, other_BCHW)
    refuse_other_outputs(expected_BK, compute_scores(made, other_BCHW), "The shrunk network")
    return Smaller(made, source, description)


def _other_images(images_BCHW: Tensor) -> Tensor:
    """Return images that nothing was traced with: the real ones left, and some of noise."""
    generator = torch.Generator().manual_seed(0)
    shape = (_TRACED_IMAGES, *images_BCHW.shape[1:])
    noise_BCHW = torch.randn(shape, generator=generator).to(images_BCHW)
    return torch.cat([images_BCHW[_TRACED_IMAGES:], noise_BCHW])


def _of_paths(small: nn.Module, sample_BCHW: Tensor) -> tuple[nn.Module, str, str]:
    """Fold constants, cut to what lies on a path; return network, source and description."""
    num_folded = fold_constants(small, sample_BCHW)
    prunable = prunable_parameters(small)
    # A kept weight of exactly zero is none; a folded bias is one that the mask knew not of.
    masks = {name: (p.detach() != 0).numpy() for name, p in prunable.items()}
    paths = find_paths(small, masks, sample_BCHW)
    shrunk = cut(MaskedModel(small, prunable, masks), masks, paths, sample_BCHW)
    made, source = write_source(shrunk.small.model.eval(), shrunk.pixels, sample_BCHW)
    return made, source, _describe(paths, num_folded)


def _of_rows(small: nn.Module, sample_BCHW: Tensor) -> tuple[nn.Module, str, str]:
    """Leave out units of a recurrent network; return network, source and description."""
    assert isinstance(small, RowReader)
    kept, total = leave_out_units(small)
    made, source = write_source(small.eval(), None, sample_BCHW)
    return made, source, f"{kept:,} of {total:,} units of projection and cell remain."


def _copy(network: nn.Module) -> nn.Module:
    """Return a copy in which BatchNorm is done training."""
    try:
        small = copy.deepcopy(network)
    except Exception as error:  # its own code may hold anything
        raise CannotFollowError("it cannot be copied") from error
    for module in small.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.requires_grad_(False)
    return small


def _describe(paths: Paths, num_folded: int) -> str:
    """Return a sentence on what is left."""
    kept, total = paths.units
    parts = [f"{kept:,} of {total:,} units and channels remain"]
    if not paths.pixels.all():
        parts.append(f"{int(paths.pixels.sum()):,} of {len(paths.pixels):,} pixels are read")
    if num_folded:
        parts.append(f"{num_folded:,} constant inputs are folded into biases")
    text = ", ".join(parts)
    if paths.left_whole:
        names = ", ".join(paths.left_whole[:3]) + (", …" if len(paths.left_whole) > 3 else "")
        text += f"; not shrunk, because paths cannot be traced through them: {names}"
    return f"{text}."
