"""OpenVINO, an optional runtime beside ONNX Runtime (Intel; the extra ``[openvino]``)."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

import torch

from snip_gui.core.base.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor


def is_installed() -> bool:
    """Return whether the package is installed."""
    return importlib.util.find_spec("openvino") is not None


def runner(data: bytes, num_threads: int) -> Callable[[Tensor], Tensor]:
    """Return a function from images to scores that runs an ONNX file on the CPU.

    Raises
    ------
    UserError
        If OpenVINO cannot be imported or rejects the file.
    """
    try:
        import openvino

        core = openvino.Core()
        settings = {
            "INFERENCE_NUM_THREADS": num_threads, "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "f32",  # or it may round to bfloat16
        }  # fmt: skip
        request = core.compile_model(core.read_model(data, b""), "CPU", settings)
        request = request.create_infer_request()
    except Exception as error:  # it has its own types, and a damaged installation raises any
        reason = " ".join(str(error).split())
        raise UserError(
            f"OpenVINO rejected the file: {reason}", "Run it with ONNX Runtime instead."
        ) from error

    def run(images_BCHW: Tensor) -> Tensor:
        # A copy, because the memory of a result is used again by the next call.
        return torch.from_numpy(request.infer([images_BCHW.numpy()])[0].copy())

    return run
