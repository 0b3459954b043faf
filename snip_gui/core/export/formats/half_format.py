"""The safetensors format with weights in half precision, at half the size.

Its effect on the test error is measured before writing, and stated in the manifest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.network_state import load_state
from snip_gui.core.export.formats.safetensors_format import encode_masked, read_back
from snip_gui.core.export.proof import compute_scores, outputs_with, refuse_other_weights

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from torch import Tensor

    from snip_gui.core.export.package import Package


def encode(package: Package) -> bytes:
    """Encode weights in half precision, masks, and a manifest that says so."""
    manifest = package.manifest | {"precision": "fp16"}
    if changed := package.changed_errors.get("safetensors-fp16"):
        half = {
            "single": changed.before,
            "half": changed.after,
            "num_test_images": changed.num_images,
        }
        manifest |= {"errors": manifest["errors"] | {"half_precision": half}}
    return encode_masked(package, halved(package.state), manifest)


def scorer(package: Package) -> Callable[[Tensor], Tensor]:
    """Return the network with weights in half precision."""
    network = package.copy_network()
    load_state(network, widened(halved(package.state)))
    return network


def prove(package: Package, path: Path) -> str:
    """Read the file back; compare the values bit for bit, and measure how outputs change."""
    read = read_back(path)
    refuse_other_weights(halved(package.state), read)
    try:
        expected_BK = compute_scores(package.network, package.images_BCHW)
    except UserError as error:
        return f"equal bit for bit in half precision; outputs not compared: {error.message}"
    found_BK = outputs_with(package, widened(read))
    difference = float((found_BK - expected_BK).abs().max())
    same = int((found_BK.argmax(1) == expected_BK.argmax(1)).sum())
    return (
        f"equal bit for bit in half precision; {same} of {len(expected_BK)} images get the same "
        f"class, outputs differ by at most {difference:.1e}"
    )


def halved(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors with floating-point values in half precision.

    Raises
    ------
    UserError
        If a value is too large for half precision.
    """
    half = {n: t.half() if t.is_floating_point() else t for n, t in state.items()}
    for name, tensor in half.items():
        if bool((tensor.isinf() & state[name].isfinite()).any()):
            raise UserError(
                f"“{name}” holds values too large for half precision.",
                "Choose safetensors in single precision.",
            )
    return half


def widened(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors with half-precision values in single precision."""
    return {n: t.float() if t.dtype == torch.float16 else t for n, t in state.items()}
