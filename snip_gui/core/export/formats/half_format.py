"""The safetensors format with weights in half precision; half the size.

What that does to the test error is measured before it is written, and stands in the manifest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from snip_gui.core.base.errors import UserError
from snip_gui.core.export.formats.safetensors_format import encode_masked, read_back
from snip_gui.core.export.proof import outputs_with, refuse_other_weights, scores_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

    from snip_gui.core.runs.network import Package


def halved(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors with floating-point numbers in half precision.

    Raises
    ------
    UserError
        If a number is too large for it.
    """
    half = {n: t.half() if t.is_floating_point() else t for n, t in state.items()}
    for name, tensor in half.items():
        if bool((tensor.isinf() & state[name].isfinite()).any()):
            raise UserError(
                f"“{name}” holds numbers too large for half precision.",
                "Choose safetensors in single precision.",
            )
    return half


def widened(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors with half-precision numbers in single precision."""
    return {n: t.float() if t.dtype == torch.float16 else t for n, t in state.items()}


def encode(package: Package) -> bytes:
    """Return weights in half precision, masks, and the manifest that says so."""
    manifest = package.manifest | {"precision": "fp16"}
    if package.half_precision:
        errors = dict(manifest["errors"]) | {"half_precision": package.half_precision}
        manifest |= {"errors": errors}
    return encode_masked(package, halved(package.state), manifest)


def prove(package: Package, path: Path) -> str:
    """Read the file back; compare the halves bit for bit and measure what they change."""
    read = read_back(path)
    refuse_other_weights(halved(package.state), read)
    try:
        expected_BK = scores_of(package.network, package.images_BCHW)
    except UserError as error:
        return f"equal bit for bit in half precision; outputs not compared: {error.message}"
    found_BK = outputs_with(package, widened(read))
    difference = float((found_BK - expected_BK).abs().max())
    same = int((found_BK.argmax(1) == expected_BK.argmax(1)).sum())
    return (
        f"equal bit for bit in half precision; {same} of {len(expected_BK)} images get the same "
        f"class, outputs differ by at most {difference:.1e}"
    )
