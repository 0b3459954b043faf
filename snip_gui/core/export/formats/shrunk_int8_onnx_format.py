"""The smaller dense network as ONNX with int8 weights and uint8 activations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snip_gui.core.export.formats.int8_onnx_format import encode_quantized, prove_quantized
from snip_gui.core.export.formats.onnx_format import runner

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import Tensor

    from snip_gui.core.export.package import Package

__all__ = ["encode", "prove", "runner", "scorer"]
_NAME = "shrunk-int8-onnx"


def encode(package: Package) -> bytes:
    """Encode the smaller network in 8 bits."""
    manifest = package.manifest | {"shrunk": package.shrunk.description}
    return encode_quantized(package.shrunk_quantized, manifest, package.changed_errors.get(_NAME))


def scorer(package: Package) -> Callable[[Tensor], Tensor]:
    """Return the quantized network, run by onnxruntime."""
    run: Callable[[Tensor], Tensor] = runner(package.shrunk_quantized.data)
    return run


def prove(package: Package, path: Path) -> str:
    """Compare the weights of the file, and its classes with those of the masked network."""
    changed = package.changed_errors.get(_NAME)
    proof = prove_quantized(package, package.shrunk_quantized, path, changed)
    return f"{package.shrunk.description} {proof[0].upper()}{proof[1:]}"
