"""The physically smaller dense network that is equivalent to a masked one.

For networks that are no longer trained: constants are folded, units on no path are left out, and
BatchNorm is folded into the preceding layer. The result is verified against the masked network on
real images.

Shapes: B images, C channels, H rows, W columns.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn

from snip_gui.core.base.errors import UserError
from snip_gui.core.export.proof import compute_scores, refuse_other_outputs
from snip_gui.core.export.shrinking.module_source import write_source
from snip_gui.core.export.shrinking.recurrent_units import leave_out_units
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
class ShrunkExport:
    """The smaller network.

    Attributes
    ----------
    network
        The network in evaluation mode, created from ``source``; takes whole images, like the masked
        one.
    source
        Its definition in Python, which needs only torch.
    description
        A sentence on what was left out.
    """

    network: nn.Module
    source: str
    description: str

    @property
    def num_parameters(self) -> int:
        """Number of stored values, including buffers."""
        return sum(tensor.numel() for tensor in self.network.state_dict().values())


def make_shrunk_export(network: nn.Module, images_BCHW: Tensor) -> ShrunkExport:
    """Return the smaller network that is equivalent to a masked one.

    Parameters
    ----------
    network
        The network in evaluation mode, with removed weights zero; left unchanged.
    images_BCHW
        Real images on which to compare the outputs.

    Raises
    ------
    UserError
        If it cannot be created or is not equivalent; the message says why.
    """
    sample_BCHW = images_BCHW[:_TRACED_IMAGES]
    try:
        small = _copy(network)
        make = _shrink_rows if isinstance(small, RowReader) else _shrink_by_paths
        made, source, description = make(small, sample_BCHW)
    except CannotFollowError as error:
        raise UserError(
            f"The network cannot be shrunk: {error}.", "Choose another format."
        ) from error
    other_BCHW = _other_images(images_BCHW)
    expected_BK = compute_scores(network, other_BCHW)
    refuse_other_outputs(expected_BK, compute_scores(made, other_BCHW), "The shrunk network")
    return ShrunkExport(made, source, description)


def _other_images(images_BCHW: Tensor) -> Tensor:
    """Return images not used for tracing: the other real ones, and noise."""
    generator = torch.Generator().manual_seed(0)
    shape = (_TRACED_IMAGES, *images_BCHW.shape[1:])
    noise_BCHW = torch.randn(shape, generator=generator).to(images_BCHW)
    return torch.cat([images_BCHW[_TRACED_IMAGES:], noise_BCHW])


def _shrink_by_paths(small: nn.Module, sample_BCHW: Tensor) -> tuple[nn.Module, str, str]:
    """Fold constants and cut to the paths; return network, source and description."""
    num_folded = fold_constants(small, sample_BCHW)
    prunable = prunable_parameters(small)
    # Masks by value: a kept weight may be exactly zero, and a folded bias may be nonzero though
    # removed.
    masks = {name: (p.detach() != 0).numpy() for name, p in prunable.items()}
    paths = find_paths(small, masks, sample_BCHW)
    shrunk = cut(MaskedModel(small, prunable, masks), masks, paths, sample_BCHW)
    shrunk.small.model.eval()
    made, source = write_source(shrunk.small.model, shrunk.pixels, sample_BCHW)
    return made, source, _describe(paths, num_folded)


def _shrink_rows(small: nn.Module, sample_BCHW: Tensor) -> tuple[nn.Module, str, str]:
    """Drop units of a recurrent network; return network, source and description."""
    assert isinstance(small, RowReader)
    kept, total = leave_out_units(small)
    made, source = write_source(small.eval(), None, sample_BCHW)
    return made, source, f"{kept:,} of {total:,} units of projection and cell remain."


def _copy(network: nn.Module) -> nn.Module:
    """Return a copy in evaluation mode."""
    try:
        small = copy.deepcopy(network)
    except Exception as error:  # user-supplied modules may hold anything
        raise CannotFollowError("it cannot be copied") from error
    for module in small.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.requires_grad_(False)
    return small


def _describe(paths: Paths, num_folded: int) -> str:
    """Return a sentence on what was left out."""
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
