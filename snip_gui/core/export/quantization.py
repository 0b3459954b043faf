"""Static quantization of ONNX networks to 8 bits, through onnxruntime.

Weights become int8 with one scale per output channel and no offset, so that zero stays exactly
zero; activations become uint8 with the ranges measured on training images (Jacob et al. 2018,
section 2.1). The integers of both are 8 bits, so on x86 processors without VNNI pairs of products
may saturate.

Shapes: B images.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from snip_gui.core.base.environment import available_memory
from snip_gui.core.base.errors import UserError
from snip_gui.core.base.machine.optional_packages import (
    refuse_missing_onnx,
    refuse_old_onnxruntime,
)
from snip_gui.core.base.text import size_text
from snip_gui.core.export.formats.onnx_format import (
    encode_network,
    explain,
    quiet,
    runner,
)
from snip_gui.core.export.proof import compute_scores, refuse_other_outputs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from torch import Tensor, nn

_CODES = "_quantized"
# Images and values that onnxruntime calibrates at once; it keeps all activations of a batch.
_MOST_IMAGES, _MOST_VALUES = 64, 2**20
_COPIES = 8  # of the weights: torch's, the exporter's, and those of onnxruntime's steps
_HINT = "Choose another format."


@dataclass(frozen=True, eq=False)
class Quantized:
    """A network in 8 bits.

    Attributes
    ----------
    model
        The ONNX model, as onnx has it.
    weights
        float32 weights before quantization, by name.
    num_calibration
        Number of training images on which ranges of activations were measured.
    """

    model: Any
    weights: dict[str, NDArray[np.float32]]
    num_calibration: int

    @property
    def data(self) -> bytes:
        """The model as the bytes of a file, without a manifest."""
        data: bytes = self.model.SerializeToString()
        return data


def quantize(network: nn.Module, images_BCHW: Tensor, calibration_BCHW: Tensor) -> Quantized:
    """Quantize a network.

    Parameters
    ----------
    network
        The network in evaluation mode.
    images_BCHW
        Preprocessed images on which the graph to quantize is compared with the network.
    calibration_BCHW
        Preprocessed training images.

    Raises
    ------
    UserError
        If the network does not fit in memory or cannot be written as ONNX, none of its weights can
        be quantized, or the calibration images are all the same.
    """
    refuse_missing_onnx()
    refuse_old_onnxruntime()
    _refuse_large(network)
    if bool((calibration_BCHW == calibration_BCHW[:1]).all()):
        raise UserError(
            f"The {len(calibration_BCHW):,} training images drawn for calibration are all the "
            "same, which gives no ranges of activations.",
            "Choose a format in single precision.",
        )
    plain = encode_network(network, images_BCHW, {})
    expected_BK = compute_scores(network, images_BCHW)
    refuse_other_outputs(expected_BK, runner(plain)(images_BCHW), "onnxruntime")
    with tempfile.TemporaryDirectory(prefix="snip-gui-") as folder, quiet():
        prepared, model = _quantize_file(plain, calibration_BCHW, Path(folder))
    found_BK = runner(prepared.SerializeToString())(images_BCHW)
    refuse_other_outputs(expected_BK, found_BK, "The prepared graph")
    codes = read_codes(model)
    if not codes:
        raise UserError("No weight of this network can be quantized by onnxruntime.", _HINT)
    weights = {name: array for name, array in _initializers(prepared).items() if name in codes}
    return Quantized(model, weights, len(calibration_BCHW))


def _refuse_large(network: nn.Module) -> None:
    """Raise `UserError` if the copies that onnxruntime makes do not fit in free memory."""
    needed = _COPIES * sum(p.numel() * p.element_size() for p in network.parameters())
    free = available_memory()
    if needed > free:
        raise UserError(
            f"Quantizing this network needs about {size_text(needed)} of memory, and "
            f"{size_text(free)} are free.",
            "Close other programs, or choose a format in single precision.",
        )


def _quantize_file(plain: bytes, calibration_BCHW: Tensor, folder: Path) -> tuple[Any, Any]:
    """Return the graph with BatchNorm folded, and the same in 8 bits."""
    import onnx

    try:
        from onnxruntime import quantization
        from onnxruntime.quantization.shape_inference import quant_pre_process

        prepared, quantized = folder / "prepared.onnx", folder / "quantized.onnx"
        quant_pre_process(
            onnx.load_model_from_string(plain), str(prepared), skip_symbolic_shape=True
        )
        quantization.quantize_static(
            str(prepared),
            str(quantized),
            _make_reader(calibration_BCHW),
            quant_format=quantization.QuantFormat.QDQ,
            per_channel=True,
            nodes_to_exclude=_find_grouped_transposed(prepared),
            # Unsigned activations, for which onnxruntime has the faster kernels.
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
        )
        return onnx.load_model(prepared), onnx.load_model(quantized)
    except Exception as error:  # onnxruntime has its own types, and those of its dependencies
        raise UserError(f"onnxruntime cannot quantize the network: {explain(error)}", _HINT) from (
            error
        )


def _find_grouped_transposed(path: Path) -> list[str]:
    """Return the grouped transposed convolutions, whose output channels onnxruntime miscounts."""
    import onnx

    return [
        node.name
        for node in onnx.load_model(path).graph.node
        if node.op_type == "ConvTranspose"
        and any(attribute.name == "group" and attribute.i > 1 for attribute in node.attribute)
    ]


def _make_reader(images_BCHW: Tensor) -> Any:  # noqa: ANN401 - onnxruntime has no types
    """Return what hands images to onnxruntime's calibration."""
    from onnxruntime import quantization

    at_once = max(1, min(_MOST_IMAGES, _MOST_VALUES // images_BCHW[0].numel()))
    batches: Iterator[dict[str, Any]] = (
        {"images": part_BCHW.numpy()} for part_BCHW in torch.split(images_BCHW, at_once)
    )

    class Reader(quantization.CalibrationDataReader):  # type: ignore[misc, unused-ignore]  # untyped, where onnxruntime is installed
        def get_next(self) -> dict[str, Any] | None:
            return next(batches, None)

    return Reader()


def _initializers(model: Any) -> dict[str, NDArray[Any]]:  # noqa: ANN401 - onnx has no types
    from onnx import numpy_helper

    return {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


def read_codes(
    model: Any,  # noqa: ANN401 - onnx has no types
) -> dict[str, tuple[NDArray[np.int8], NDArray[np.float32]]]:
    """Return the int8 codes of each weight, and their scale per output channel, by name.

    Raises
    ------
    UserError
        If codes have an offset, so that zero is not zero.
    """
    arrays = _initializers(model)
    found = {}
    for key, codes in arrays.items():
        name = key.removesuffix(_CODES)
        if key == name or codes.dtype != np.int8:
            continue
        if np.any(arrays[f"{name}_zero_point"]):
            raise UserError(f"Zero is not stored as zero in “{name}”.", _HINT)
        found[name] = codes, arrays[f"{name}_scale"]
    return found


def refuse_other_codes(
    quantized: Quantized,
    model: Any,  # noqa: ANN401 - onnx has no types
) -> tuple[int, int]:
    """Return how many weights a file stores as 8-bit zeros, and in total.

    Raises
    ------
    UserError
        If a weight that was zero is not, or one differs by more than half a step of its scale.
    """
    codes = read_codes(model)
    if codes.keys() != quantized.weights.keys():
        raise UserError("The file does not hold the weights as they were quantized.", _HINT)
    for name, weight in quantized.weights.items():
        code, scale = codes[name]
        if np.any(code[weight == 0]):
            raise UserError(f"“{name}” has weights that were removed and are not zero.", _HINT)
        if not _is_rounded(weight, code, scale):
            raise UserError(f"“{name}” is not the weight rounded to 8 bits.", _HINT)
    num_zero = sum(int((code == 0).sum()) for code, _ in codes.values())
    return num_zero, sum(code.size for code, _ in codes.values())


def _is_rounded(
    weight: NDArray[np.float32], code: NDArray[np.int8], scale: NDArray[np.float32]
) -> bool:
    """Return whether codes are within half a step of a weight, whichever axis has the scales."""
    if code.shape != weight.shape:
        return False
    axes = range(weight.ndim) if scale.ndim else (0,)
    for axis in axes:
        if scale.ndim and weight.shape[axis] != len(scale):
            continue
        shape = [-1 if side == axis else 1 for side in range(weight.ndim)]
        steps = scale.reshape(shape) if scale.ndim else scale
        if np.all(np.abs(code * steps - weight) <= (0.5 + 1e-3) * steps):
            return True
    return False
