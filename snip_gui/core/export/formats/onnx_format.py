"""A single ONNX file for any batch size, verified by onnxruntime against torch.

Weights keep the names of the state_dict; runtimes fold and fuse at load time. The manifest is a
JSON string under ``snip_gui`` in the model's metadata.

Shapes: B images, K classes.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import warnings
from typing import TYPE_CHECKING, Any, cast

import torch

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.network_state import get_weights, is_extra
from snip_gui.core.export.proof import (
    compute_scores,
    outputs_with,
    refuse_other_outputs,
    refuse_other_weights,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from torch import Tensor, nn

    from snip_gui.core.export.package import Package

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_COUNTER = "num_batches_tracked"  # only for training


def encode(package: Package) -> bytes:
    """Encode the masked network as ONNX."""
    return encode_network(package.network, package.images_BCHW, package.manifest)


def encode_network(network: nn.Module, images_BCHW: Tensor, manifest: Mapping[str, Any]) -> bytes:
    """Encode a network as ONNX with a manifest.

    Raises
    ------
    UserError
        If torch cannot export it, the graph takes one number of images only, or it does not pass
        the checks of onnx.
    """
    import onnx

    few_BCHW = images_BCHW[:2] if len(images_BCHW) > 1 else images_BCHW.repeat(2, 1, 1, 1)
    sample_BCHW = few_BCHW.clone()
    try:
        with quiet():
            program = torch.onnx.export(
                network,
                (sample_BCHW,),
                dynamo=True,
                optimize=False,  # would rename and fold weights; runtimes do so at load time
                input_names=["images"],
                output_names=["scores"],
                dynamic_shapes=({0: torch.export.Dim("batch")},),
                verbose=False,
            )
        assert program is not None
        model = program.model_proto
        _tidy(model)
        model.producer_name = "snip-gui"
        add_manifest(model, manifest)
        onnx.checker.check_model(model)
    except Exception as error:  # the exporter raises its own types, and those of its dependencies
        raise UserError(
            f"The network cannot be written as ONNX: {explain(error)}", "Choose another format."
        ) from error
    _refuse_fixed_batch(model)
    return cast("bytes", model.SerializeToString())


def _refuse_fixed_batch(model: Any) -> None:  # noqa: ANN401 - onnx has no types
    """Raise `UserError` if the number of images is a constant of the graph."""
    (first, *_) = model.graph.input[0].type.tensor_type.shape.dim
    if first.dim_value:
        raise UserError(
            f"The graph would take exactly {first.dim_value} images at once: the code of the "
            "network makes a plain number of the batch size.",
            "Use images.shape[0] or -1 instead of len(images) or int(…), or choose another format.",
        )


def add_manifest(model: Any, manifest: Mapping[str, Any]) -> None:  # noqa: ANN401 - onnx has no types
    """Add a manifest to the metadata of an ONNX model."""
    entry = model.metadata_props.add()
    entry.key, entry.value = "snip_gui", json.dumps(manifest, sort_keys=True)


def explain(error: BaseException) -> str:
    """Return the first line of what first went wrong, without the colours of a terminal."""
    while error.__cause__ is not None:
        error = error.__cause__
    text = _COLOURS.sub("", str(error)).strip()
    return next(iter(text.splitlines()), type(error).__name__)


def prove(package: Package, path: Path) -> str:
    """Read the file back; compare weights bit for bit, and outputs with those of torch."""
    found = read_back(path)
    expected = {
        name: torch.view_as_real(tensor) if tensor.is_complex() else tensor  # as ONNX has them
        for name, tensor in package.state.items()
        if not name.endswith(_COUNTER)
    }
    held = {name: tensor for name, tensor in expected.items() if name in found}
    refuse_other_weights(held, {name: found[name] for name in held})
    difference = prove_outputs(path, package.images_BCHW, package.network)
    absent = _explain_absent(package, [name for name in expected if name not in found])
    return (
        f"weights equal bit for bit{absent}; onnxruntime's outputs on {len(package.images_BCHW)} "
        f"images within {difference:.1e} of torch's"
    )


def _explain_absent(package: Package, names: list[str]) -> str:
    """Return which tensors a graph lacks under their own names, and why.

    A graph contains only what its scores are computed from, and each tensor once.
    """
    places = {name: tensor.data_ptr() for name, tensor in get_weights(package.network).items()}
    held = {place: name for name, place in places.items() if name not in names}
    reasons = []
    for name in names:
        if is_extra(name):
            reasons.append(f"“{name}” is extra state")
        elif places[name] in held:
            reasons.append(f"“{name}” is the same as “{held[places[name]]}”")
        elif _is_unused(package, name):
            reasons.append(f"“{name}” has no effect on the scores")
        else:
            reasons.append(f"“{name}” is stored in another form")
    return f" (not in the graph by name: {'; '.join(reasons)})" if reasons else ""


def _is_unused(package: Package, name: str) -> bool:
    """Return whether changing a tensor leaves all scores unchanged."""
    changed = dict(package.state)
    changed[name] = torch.zeros_like(changed[name])
    scores_BK = compute_scores(package.network, package.images_BCHW)
    if not torch.equal(outputs_with(package, changed), scores_BK):
        return False
    changed[name] = torch.ones_like(changed[name])
    return torch.equal(outputs_with(package, changed), scores_BK)


def prove_outputs(path: Path, images_BCHW: Tensor, network: nn.Module) -> float:
    """Return the largest difference of onnxruntime's outputs from torch's, for one image and all.

    Raises
    ------
    UserError
        If onnxruntime cannot run the file, or outputs differ by more than rounding.
    """
    run = runner(path.read_bytes())
    expected_BK = compute_scores(network, images_BCHW)
    single_BK = compute_scores(network, images_BCHW[:1])
    refuse_other_outputs(single_BK, run(images_BCHW[:1]), "onnxruntime")
    return refuse_other_outputs(expected_BK, run(images_BCHW), "onnxruntime")


def runner(data: bytes, num_threads: int = 0) -> Any:  # noqa: ANN401 - a function of images
    """Return a function from images to scores that runs a file in onnxruntime on the CPU."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = num_threads or torch.get_num_threads()
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = onnxruntime.InferenceSession(
            data, sess_options=options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # onnxruntime has its own types
        raise UserError(
            f"onnxruntime rejected the file: {error}", "Choose another format."
        ) from error
    name = session.get_inputs()[0].name

    def run(images_BCHW: Tensor) -> Tensor:
        try:
            return torch.from_numpy(session.run(None, {name: images_BCHW.numpy()})[0])
        except Exception as error:  # onnxruntime has its own types
            raise UserError(
                f"onnxruntime cannot run the file on {len(images_BCHW):,} images at once: "
                f"{' '.join(str(error).split())}",
                "Choose another format.",
            ) from error

    return run


def read_back(path: Path) -> dict[str, Tensor]:
    """Return the weights in the file by name, without running it."""
    import onnx
    from onnx import numpy_helper

    model = onnx.load_model_from_string(path.read_bytes())
    return {
        tensor.name: torch.from_numpy(numpy_helper.to_array(tensor).copy())
        for tensor in model.graph.initializer
    }


def _tidy(model: Any) -> None:  # noqa: ANN401 - onnx has no types of its messages
    """Remove the exporter's notes on the machine it ran on: locations in source files."""
    for node in model.graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
    for value in (*model.graph.value_info, *model.graph.input, *model.graph.output):
        del value.metadata_props[:]
    del model.graph.metadata_props[:]
    model.graph.doc_string = model.doc_string = ""


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silence the exporter's warnings and terminal output."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with (
            warnings.catch_warnings(),
            open(os.devnull, "w", encoding="utf-8") as nowhere,
            contextlib.redirect_stdout(nowhere),
            contextlib.redirect_stderr(nowhere),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
