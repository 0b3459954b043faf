"""The masked network as ONNX with int8 weights and uint8 activations.

A weight keeps its name as ``NAME_quantized``, with ``NAME_scale`` per output channel. The manifest
is that of ONNX with ``precision`` and ``calibration_images``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from snip_gui.core.base.errors import UserError
from snip_gui.core.export.formats import onnx_format
from snip_gui.core.export.formats.onnx_format import add_manifest, runner
from snip_gui.core.export.proof import compute_scores
from snip_gui.core.export.quantization import Quantized, refuse_other_codes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from torch import Tensor

    from snip_gui.core.export.package import Package
    from snip_gui.core.export.precision import ChangedError

__all__ = ["encode", "encode_quantized", "prove", "prove_quantized", "runner", "scorer"]


def encode(package: Package) -> bytes:
    """Encode the masked network in 8 bits."""
    changed = package.changed_errors.get("int8-onnx")
    return encode_quantized(package.quantized, package.manifest, changed)


def encode_quantized(
    quantized: Quantized, manifest: Mapping[str, Any], changed: ChangedError | None
) -> bytes:
    """Return a quantized network as ONNX, with a manifest and the measured errors."""
    import onnx

    model = onnx.ModelProto()
    model.CopyFrom(quantized.model)
    model.producer_name = "snip-gui"
    del model.metadata_props[:]  # notes of onnxruntime's preparation
    manifest = dict(manifest) | {
        "precision": "int8",
        "calibration_images": quantized.num_calibration,
    }
    if changed is not None:
        manifest["errors"] = manifest["errors"] | {"int8": describe_change(changed)}
    add_manifest(model, manifest)
    data: bytes = model.SerializeToString()
    return data


def describe_change(changed: ChangedError) -> dict[str, float]:
    """Return measured errors as they are written to a manifest."""
    return {
        "single": changed.before,
        "int8": changed.after,
        "same_class": changed.same,
        "num_test_images": changed.num_images,
    }


def scorer(package: Package) -> Callable[[Tensor], Tensor]:
    """Return the quantized network, run by onnxruntime."""
    run: Callable[[Tensor], Tensor] = runner(package.quantized.data)
    return run


def prove(package: Package, path: Path) -> str:
    """Read the file back; compare its weights, and its classes with those of the network."""
    changed = package.changed_errors.get("int8-onnx")
    return prove_quantized(package, package.quantized, path, changed)


def prove_quantized(
    package: Package, quantized: Quantized, path: Path, changed: ChangedError | None
) -> str:
    """Compare a file with a quantized network; return what was compared."""
    import onnx

    data = path.read_bytes()
    num_zero, num_weights = refuse_other_codes(quantized, onnx.load_model_from_string(data))
    found_BK = onnx_format.runner(data)(package.images_BCHW)
    if not bool((found_BK == onnx_format.runner(quantized.data)(package.images_BCHW)).all()):
        raise UserError("The file gives other outputs than those measured.", "Export it again.")
    expected_BK = compute_scores(package.network, package.images_BCHW)
    same = int((found_BK.argmax(1) == expected_BK.argmax(1)).sum())
    proof = (
        f"weights equal their 8-bit rounding, zeros are zeros ({num_zero:,} of {num_weights:,}); "
        f"{same} of {len(expected_BK)} images of the minibatch get the same class"
    )
    return proof if changed is None else f"{proof}; {describe_agreement(changed)}"


def describe_agreement(changed: ChangedError) -> str:
    """Return in words how many test images keep their class."""
    return (
        f"{changed.same:.2%} of {changed.num_images:,} test images get the same class as in single "
        f"precision, test error {changed.after:.2%} instead of {changed.before:.2%}"
    )
