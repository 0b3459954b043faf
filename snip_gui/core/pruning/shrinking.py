"""Shrinks a masked network to a physically smaller one that computes the same function.

Units, channels and pixels on no path from input to output are left out; the rest is masked as
before. Training the small network updates its weights as training the masked network would, up to
rounding; `ShrunkModel.put_back` copies them into the full network.

Shapes: B images, C channels, H rows, W columns, K classes, P remaining pixels.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import torch
from torch import nn

from snip_gui.core.base.network_state import get_weights
from snip_gui.core.base.tensors import to_double
from snip_gui.core.data.images.pixels import PixelChoice
from snip_gui.core.graph.layout import Layout, TensorSpec
from snip_gui.core.graph.parameters import PrunableParameters
from snip_gui.core.graph.paths import Paths, find_paths
from snip_gui.core.graph.tracing import CannotFollowError
from snip_gui.core.pruning.masked_model import MaskedModel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from torch import Tensor

# In float64; a wrong path changes outputs by far more, a different summation order by far less.
_TOLERANCE = 1e-8
_CHECKED_IMAGES = 16
_NAMED = 3

Places: TypeAlias = "tuple[Tensor, ...]"
"""The remaining indices along each axis of a tensor."""


@dataclass(frozen=True, eq=False)
class ShrunkModel:
    """A masked network, and the small network that replaces it during training.

    Attributes
    ----------
    small
        The small network with its part of the mask.
    pixels
        The pixels that the small network receives; None for all.
    num_off_path
        Number of kept connections that the small network lacks, because they lie on no path from
        input to output. Their values do not change.
    description
        A sentence on what was left out.
    """

    full: MaskedModel
    small: MaskedModel
    pixels: PixelChoice | None
    num_off_path: int
    description: str
    places: Mapping[str, Places]

    @torch.no_grad()
    def put_back(self) -> None:
        """Copy the weights and buffers of the small network into the full one."""
        into = get_weights(self.full.model)
        for name, values in get_weights(self.small.model).items():
            into[name].copy_(self.widen(name, values, into[name]))

    @torch.no_grad()
    def load_from_full(self) -> None:
        """Copy the weights and buffers of the full network into the small one."""
        values = get_weights(self.full.model)
        for name, tensor in get_weights(self.small.model).items():
            tensor.copy_(self.narrow(name, values[name]))

    def narrow(self, name: str, values: Tensor) -> Tensor:
        """Return the part of a full network's tensor that the small network has."""
        return _narrow(values, self.places.get(name))

    def widen(self, name: str, values: Tensor, around: Tensor) -> Tensor:
        """Return a tensor of the full network: ``around``, updated with the small one's values."""
        places = self.places.get(name)
        if places is None:
            return values
        whole = around.clone()
        whole[_grid(places)] = values
        return whole


def shrink(masked: MaskedModel, images_BCHW: Tensor) -> ShrunkModel | str:
    """Create the small network, and verify it against the full one.

    Parameters
    ----------
    masked
        The network with the weights at the start of training.
    images_BCHW
        Images on which to compare the outputs.

    Returns
    -------
    ShrunkModel or str
        The result, or a sentence on why the whole network is trained: there is nothing to leave
        out, or it cannot be left out exactly.
    """
    images_BCHW = images_BCHW[:_CHECKED_IMAGES]
    masks = {name: mask.cpu().numpy() != 0 for name, mask in masked.masks().items()}
    masked.model.train()
    try:
        # A copy, because a network that stores its activations would store those of the trace.
        paths = find_paths(_copy_model(masked.model), masks, images_BCHW)
        if paths.is_whole:
            return f"The network is not shrunk: {_why_whole(paths)}."
        shrunk = cut(masked, masks, paths, images_BCHW)
        _refuse_difference(shrunk, images_BCHW)
    except CannotFollowError as error:
        return f"The whole network is trained under its mask instead: {error}."
    return shrunk


def num_off_path(masked: MaskedModel, images_BCHW: Tensor) -> int:
    """Return how many kept connections lie on no path from input to output.

    Returns 0 for a network that cannot be followed.
    """
    images_BCHW = images_BCHW[:_CHECKED_IMAGES]
    masks = {name: mask.cpu().numpy() != 0 for name, mask in masked.masks().items()}
    try:
        paths = find_paths(_copy_model(masked.model), masks, images_BCHW)
        return 0 if paths.is_whole else cut(masked, masks, paths, images_BCHW).num_off_path
    except CannotFollowError:
        return 0


def _copy_model(model: nn.Module) -> nn.Module:
    """Return a copy; raises `CannotFollowError` if the network cannot be copied."""
    try:
        return copy.deepcopy(model)
    except Exception as error:  # user-supplied modules may hold anything
        raise CannotFollowError("it cannot be copied") from error


def cut(
    masked: MaskedModel,
    masks: Mapping[str, NDArray[np.bool_]],
    paths: Paths,
    images_BCHW: Tensor,
) -> ShrunkModel:
    """Cut the layers of a copy of the network to their remaining parts.

    Parameters
    ----------
    masks
        By name, True where a prunable parameter may be nonzero.
    paths
        The remaining parts, as `find_paths` found them for these masks.
    """
    small = _copy_model(masked.model)
    places: dict[str, Places] = {}
    for layer in {**paths.outputs, **paths.inputs}:
        places |= _cut(layer, small.get_submodule(layer), paths)
    rest = {name: _narrow(torch.from_numpy(m), places.get(name)) for name, m in masks.items()}
    kept = {name: mask.numpy() for name, mask in rest.items()}
    for name, mask in kept.items():
        if not mask.any():  # zero for good: no gradient is needed
            small.get_parameter(name).requires_grad_(False)
    num_kept, num_trained = (sum(int(m.sum()) for m in part.values()) for part in (masks, kept))
    num_off_path = num_kept - num_trained
    return ShrunkModel(
        full=masked,
        small=MaskedModel(small, _find_prunable(small, masked.prunable), kept),
        pixels=_pixels(paths, tuple(images_BCHW.shape[1:])),
        num_off_path=num_off_path,
        description=_describe(paths, num_off_path),
        places=places,
    )


def _cut(layer: str, module: Any, paths: Paths) -> dict[str, Places]:  # noqa: ANN401 - linear, convolution or BatchNorm
    """Cut a layer; return the remaining indices of each of its tensors."""
    found: dict[str, Places] = {}
    tensors = [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]
    for name, tensor in tensors:
        axes = [paths.outputs.get(layer), paths.inputs.get(layer)][: tensor.dim()]
        if all(axis is None or axis.all() for axis in axes):
            continue
        full = f"{layer}.{name}" if layer else name
        sizes = tuple(tensor.shape)
        found[full] = tuple(
            _indices(axes[i] if i < len(axes) else None, size, tensor.device)
            for i, size in enumerate(sizes)
        )
        part = _narrow(tensor.detach(), found[full])
        if isinstance(tensor, nn.Parameter):
            setattr(module, name, nn.Parameter(part, requires_grad=tensor.requires_grad))
        else:
            setattr(module, name, part)
    if found:
        _set_sizes(module)
    return found


def _set_sizes(module: Any) -> None:  # noqa: ANN401 - linear, convolution or BatchNorm
    """Update the size attributes of a layer after cutting."""
    if isinstance(module, nn.Linear):
        module.out_features, module.in_features = module.weight.shape
    elif isinstance(module, nn.modules.conv._ConvNd):
        module.out_channels, per_group = module.weight.shape[:2]
        if module.groups > 1:  # one channel each
            module.groups = module.out_channels
        module.in_channels = per_group * module.groups
    else:
        module.num_features = len(next(iter(module.state_dict().values())))


def _indices(stays: NDArray[np.bool_] | None, size: int, device: torch.device) -> Tensor:
    """Return the remaining indices along an axis."""
    chosen = np.arange(size) if stays is None else np.flatnonzero(stays)
    return torch.from_numpy(chosen).to(device)


def _grid(places: Places) -> Places:
    """Return index tensors that select every combination of indices."""
    return torch.meshgrid(*places, indexing="ij")


def _narrow(values: Tensor, places: Places | None) -> Tensor:
    """Return the part of a tensor at some indices."""
    if places is None:
        return values.clone()
    for axis, indices in enumerate(places):
        values = values.index_select(axis, indices.to(values.device))
    return values


def _find_prunable(small: nn.Module, prunable: PrunableParameters) -> PrunableParameters:
    """Return the same prunable parameters of the small network."""
    by_name = dict(small.named_parameters())
    tensors: list[TensorSpec] = []
    for tensor in prunable.layout.tensors:
        shape = tuple(by_name[tensor.name].shape)
        offset = tensors[-1].end if tensors else 0
        tensors.append(TensorSpec(tensor.name, tensor.layer, tensor.kind, shape, offset))
    parameters = tuple(by_name[tensor.name] for tensor in tensors)
    return PrunableParameters(Layout(tuple(tensors)), parameters)


def _pixels(paths: Paths, shape: tuple[int, ...]) -> PixelChoice | None:
    """Return the choice of pixels; None for all."""
    if paths.pixels.all():
        return None
    indices_P = torch.from_numpy(np.flatnonzero(paths.pixels))
    _, rows, columns = shape
    if paths.keeps_shape:
        return PixelChoice(indices_P, (len(indices_P) // (rows * columns), rows, columns))
    return PixelChoice(indices_P, (len(indices_P), 1, 1))


def _refuse_difference(shrunk: ShrunkModel, images_BCHW: Tensor) -> None:
    """Raise `CannotFollowError` if the small network is not equivalent to the full one.

    Checked in double precision on copies: outputs agree in both modes, and no parameter that was
    left out would get a gradient. Dropout is off, because it draws different numbers for different
    shapes.
    """
    seen = to_double(images_BCHW if shrunk.pixels is None else shrunk.pixels(images_BCHW))
    images_BCHW = to_double(images_BCHW)
    full = _copy_model(shrunk.full.model).to(seen.device).double()
    small = _copy_model(shrunk.small.model).to(seen.device).double()
    for training in (False, True):
        for model in (full, small):
            _set_mode(model, training)
        try:
            expected_BK, found_BK = full(images_BCHW.clone()), small(seen.clone())
        except (RuntimeError, ValueError) as error:
            raise CannotFollowError(f"its code needs its full shapes ({error})") from error
        largest = float(expected_BK.detach().abs().max())
        difference = float((expected_BK - found_BK).detach().abs().max())
        if not difference <= _TOLERANCE * max(1.0, largest):
            raise CannotFollowError(f"without them its outputs differ by {difference:.1e}")
    nn.functional.cross_entropy(expected_BK, expected_BK.detach().argmin(1)).backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    masks = shrunk.full.masks()
    for name, parameter in full.named_parameters():
        if parameter.grad is None or name not in shrunk.places:
            continue
        gradient = parameter.grad * masks[name] if name in masks else parameter.grad
        # Remaining parameters may have any gradient; the others must have none.
        gradient[_grid(shrunk.places[name])] = 0
        if float(gradient.abs().max()) > _TOLERANCE:
            raise CannotFollowError(f"“{name}” would be trained in a part that would be removed")


def _set_mode(model: nn.Module, training: bool) -> None:
    """Set the mode of BatchNorm, and everything else to evaluation mode."""
    model.eval()
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.train(training)


def _why_whole(paths: Paths) -> str:
    """Return why every unit stays."""
    if paths.left_whole:
        return f"paths cannot be traced through {_listed(paths.left_whole)}"
    return "every unit lies on a path from input to output"


def _describe(paths: Paths, num_off_path: int) -> str:
    """Return a sentence on what is trained."""
    kept, total = paths.units
    parts = [f"{kept:,} of {total:,} units and channels"]
    if not paths.pixels.all():
        parts.insert(0, f"{int(paths.pixels.sum()):,} of {len(paths.pixels):,} pixels")
    text = f"Training {' and '.join(parts)}"
    if num_off_path:
        text += f"; {num_off_path:,} kept connections lie on no path and are not trained"
    if paths.left_whole:
        text += f"; not shrunk: {_listed(paths.left_whole)}"
    return f"{text}."


def _listed(names: tuple[str, ...]) -> str:
    """Return the first few names as text, and how many more there are."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
