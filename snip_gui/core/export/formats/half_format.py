"""The safetensors format with weights in half precision, at half the size.

Its effect on the test error is measured before writing, and stated in the manifest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from snip_gui.core.base.errors import UserError
from snip_gui.core.export.formats.safetensors_format import encode_masked, read_back
from snip_gui.core.export.precision import halved, widened
from snip_gui.core.export.proof import compute_scores, outputs_with, refuse_other_weights

if TYPE_CHECKING:
    from pathlib import Path

    from snip_gui.core.export.package import Package


def encode(package: Package) -> bytes:
    """Encode weights in half precision, masks, and a manifest that says so."""
    manifest = package.manifest | {"precision": "fp16"}
    if package.half_precision:
        errors = dict(manifest["errors"]) | {"half_precision": package.half_precision}
        manifest |= {"errors": errors}
    return encode_masked(package, halved(package.state), manifest)


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
