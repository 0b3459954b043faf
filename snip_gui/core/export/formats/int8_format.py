"""The safetensors format with int8 weights and a scale for each output channel.

Pruned weights of two or more dimensions are stored as int8 under their own names, and their scales
as float32 under ``NAME_scale``; ``scales`` of the manifest maps weights to keys of scales. A weight
is its code times the scale of its first index. Biases, buffers and masks are those of safetensors.

Shapes: O output channels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.network_state import load_state
from snip_gui.core.export.formats.int8_onnx_format import describe_agreement, describe_change
from snip_gui.core.export.formats.safetensors_format import encode_masked
from snip_gui.core.export.formats.safetensors_format import read_back as read_codes
from snip_gui.core.export.proof import compute_scores, outputs_with, refuse_other_weights
from snip_gui.core.weight_files.scales import free_key, widened

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import Tensor

    from snip_gui.core.export.package import Package

_NAME = "safetensors-int8"
_LARGEST = 127  # symmetric: -128 is not used


def encode(package: Package) -> bytes:
    """Encode codes, scales, masks, and a manifest that says so."""
    state, scales = quantized(package)
    manifest = package.manifest | {"precision": "int8", "scales": scales}
    if changed := package.changed_errors.get(_NAME):
        manifest |= {"errors": manifest["errors"] | {"int8": describe_change(changed)}}
    return encode_masked(package, state, manifest)


def quantized(package: Package) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return the tensors with codes and scales, and the key of the scales of each weight.

    Raises
    ------
    UserError
        If a weight is not a finite real number.
    """
    state, keys = dict(package.state), {}
    for name in _rounded_names(package):
        weight = package.state[name]
        if not weight.is_floating_point() or not bool(weight.isfinite().all()):
            raise UserError(
                f"“{name}” holds values that have no 8-bit rounding.",
                "Choose safetensors in single precision.",
            )
        key = free_key(name, state)
        state[name], state[key] = _round(weight)
        keys[name] = key
    return state, keys


def _rounded_names(package: Package) -> list[str]:
    """Return the names of pruned weights, and other names of those that layers share."""
    pruned = [name for name, mask in package.masks.items() if mask.dim() > 1]
    return pruned + [
        name
        for name, tensor in package.state.items()
        if name not in package.masks and any(torch.equal(tensor, package.state[p]) for p in pruned)
    ]


def _round(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Return the int8 codes of a weight and their scales (O); zero has the code 0."""
    largest_O = weight.float().flatten(1).abs().amax(1)
    scale_O = torch.where(largest_O > 0, largest_O / _LARGEST, torch.ones(()))
    steps = weight.float() / scale_O.reshape(-1, *[1] * (weight.dim() - 1))
    return steps.round().clamp(-_LARGEST, _LARGEST).to(torch.int8), scale_O


def scorer(package: Package) -> Callable[[Tensor], Tensor]:
    """Return the network with weights that were rounded to 8 bits."""
    network = package.copy_network()
    load_state(network, widened(*quantized(package)))
    return network


def read_back(path: Path) -> dict[str, Tensor]:
    """Return codes, scales and other tensors, without the masks."""
    return read_codes(path)


def prove(package: Package, path: Path) -> str:
    """Read the file back; compare codes and scales bit for bit, and the classes of images."""
    state, scales = quantized(package)
    read = read_back(path)
    refuse_other_weights(state, read)
    for name in scales:
        if bool(read[name][package.state[name] == 0].any()):
            raise UserError(f"“{name}” has removed weights that are not zero.", "Report this.")
    proof = "equal bit for bit in 8 bits, zeros are zeros"
    try:
        expected_BK = compute_scores(package.network, package.images_BCHW)
    except UserError as error:
        return f"{proof}; outputs not compared: {error.message.rstrip('.')}"
    found_BK = outputs_with(package, widened(read, scales))
    if not bool((expected_BK + found_BK).isfinite().all()):
        return f"{proof}; outputs not compared: they are not finite numbers"
    same = int((found_BK.argmax(1) == expected_BK.argmax(1)).sum())
    proof += f"; {same} of {len(expected_BK)} images of the minibatch get the same class"
    changed = package.changed_errors.get(_NAME)
    return proof if changed is None else f"{proof}; {describe_agreement(changed)}"
