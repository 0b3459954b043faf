"""The smaller dense network as ONNX."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snip_gui.core.export.formats.onnx_format import (
    encode_network,
    prove_outputs,
    read_back,
    runner,
)

if TYPE_CHECKING:
    from pathlib import Path

    from snip_gui.core.export.package import Package

__all__ = ["encode", "prove", "read_back", "runner"]


def encode(package: Package) -> bytes:
    """Encode the smaller network as ONNX."""
    manifest = package.manifest | {"shrunk": package.shrunk.description}
    return encode_network(package.shrunk.network, package.images_BCHW, manifest)


def prove(package: Package, path: Path) -> str:
    """Compare onnxruntime's outputs with those of the masked network in torch."""
    difference = prove_outputs(path, package.images_BCHW, package.network)
    return (
        f"{package.shrunk.description} onnxruntime's outputs on {len(package.images_BCHW)} images "
        f"within {difference:.1e} of the masked network's in torch"
    )
