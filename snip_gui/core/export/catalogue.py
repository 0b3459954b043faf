"""The catalogue of export formats. Importing this module does not import torch."""

from __future__ import annotations

import importlib
import importlib.resources as resources
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

from snip_gui.core.base.machine.optional_packages import refuse_missing_onnx
from snip_gui.core.base.registry import Registry, refuse_empty
from snip_gui.core.export import loading

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from torch import Tensor

    from snip_gui.core.export.package import Package

Precision: TypeAlias = Literal["float32", "float16", "int8"]

PRECISION_TITLES: dict[Precision, str] = {
    "float32": "single precision",
    "float16": "half precision",
    "int8": "8-bit integers",
}


@dataclass(frozen=True, slots=True)
class ExportFormat:
    """A format in which a checkpoint can be exported.

    Its module has two functions: ``encode(package) -> bytes``, and ``prove(package, path) -> str``,
    which reads the file back independently, compares it, and returns what was compared. It may also
    have these:

    * ``runner(data, num_threads)`` returns a function from images to class scores that runs an
      encoded file in a runtime of its own;
    * ``num_stored(package)`` returns the number of values stored for weights and buffers, if these
      are not all values of the network;
    * ``scorer(package)`` returns a function from images to class scores, computed from what the
      file stores; required if ``precision`` is not ``float32``.

    Attributes
    ----------
    suffix
        Extension of its files, with the dot.
    module
        Name of the module, which is imported when it is first needed.
    readers
        Software that can read it, in a few words.
    run_as
        The form in which a loaded network runs, which determines its speed: ``masked`` or
        ``shrunk`` in torch, or a name of its own for the module's ``runner``; empty if it depends
        on the reader.
    companion
        Module whose source is written beside each file as ``FILE.load.py``; it does not import this
        package.
    makes_companion
        Whether ``companion(package) -> str`` of the module generates that source instead.
    needs_onnx
        Whether it needs the packages of the extra ``[onnx]``.
    keeps_extra_state
        Whether its files contain extra state of modules that is not a tensor.
    loading_code
        Python code that loads a file; ``{path}`` is replaced by the repr of its path, and
        ``{loader}`` by that of its companion.
    network
        The network in its files: the whole one under its mask, or the shrunk one.
    precision
        Precision of the stored weights. Unless it is ``float32``, the effect on the test error is
        measured before writing.
    """

    name: str
    title: str
    description: str
    suffix: str
    module: str
    readers: str
    run_as: str = "masked"
    companion: str = ""
    makes_companion: bool = False
    needs_onnx: bool = False
    keeps_extra_state: bool = False
    loading_code: str = ""
    network: Literal["masked", "shrunk"] = "masked"
    precision: Precision = "float32"

    def encode(self, package: Package) -> bytes:
        """Return a package as the bytes of a file; raises `UserError` if it cannot be encoded."""
        self.refuse_missing()
        with FORMATS.blaming(self.name):
            data = self._module().encode(package)
        if not isinstance(data, bytes):
            raise FORMATS.fault(
                self.name, f"encoded a value of type {type(data).__name__}, not bytes"
            )
        return data

    def prove(self, package: Package, path: Path) -> str:
        """Read a file back and compare it with the package; return what was compared.

        Raises
        ------
        UserError
            If anything differs.
        """
        with FORMATS.blaming(self.name):
            compared = self._module().prove(package, path)
        if not isinstance(compared, str) or not compared:
            raise FORMATS.fault(self.name, "was read back, but does not say what was compared")
        return compared

    def num_stored(self, package: Package) -> int:
        """Return the number of values that a file stores for weights and buffers."""
        module = self._module()
        if hasattr(module, "num_stored"):
            return cast("int", module.num_stored(package))
        if self.network == "shrunk":
            return package.shrunk.num_parameters
        return sum(tensor.numel() for tensor in package.state.values())

    def runner(self, data: bytes, num_threads: int) -> Callable[[Tensor], object] | None:
        """Return a function that runs an encoded file; None if torch runs what is loaded from it.

        Raises
        ------
        UserError
            If the runtime rejects the file.
        """
        module = self._module()
        if not hasattr(module, "runner"):
            return None
        with FORMATS.blaming(self.name):
            return cast("Callable[[Tensor], object]", module.runner(data, num_threads))

    def scorer(self, package: Package) -> Callable[[Tensor], Tensor]:
        """Return a function from images to class scores, computed from what a file stores."""
        module = self._module()
        if not hasattr(module, "scorer"):
            precision = PRECISION_TITLES[self.precision]
            raise FORMATS.fault(self.name, f"stores {precision}, but has no function “scorer”")
        with FORMATS.blaming(self.name):
            return cast("Callable[[Tensor], Tensor]", module.scorer(package))

    def companion_text(self, package: Package) -> str:
        """Return the source of the loader that goes beside each file; empty if there is none."""
        if self.makes_companion:
            return cast("str", self._module().companion(package))
        if not self.companion:
            return ""
        parent, _, name = self.companion.rpartition(".")
        return resources.files(parent).joinpath(f"{name}.py").read_text(encoding="utf-8")

    def read_back(self, path: Path) -> dict[str, Tensor]:
        """Return the weights in a file, read independently of the package."""
        return cast("dict[str, Tensor]", self._module().read_back(path))

    def refuse_missing(self) -> None:
        """Raise `UserError` if a package that this format needs is missing."""
        if self.needs_onnx:
            refuse_missing_onnx()

    def loading_lines(self, path: str) -> str:
        """Return Python code that loads a file at a path."""
        lines = self.loading_code or f"# {self.readers}: {{path}}"
        return lines.format(path=repr(path), loader=repr(f"{path}.load.py")).rstrip()

    def leaves_out(self, package: Package) -> str:
        """Return a sentence on extra state that its files lack; empty if they contain all of it."""
        if not package.extra or self.keeps_extra_state:
            return ""
        names = ", ".join(f"“{name}”" for name in package.extra)
        if self.run_as not in ("masked", ""):  # it defines its own network
            return f"The extra state {names} is not in this file."
        return (
            f"The extra state {names} is not in this file: load it with strict=False, and the "
            "network keeps its own."
        )

    def _module(self) -> Any:  # noqa: ANN401 - a module
        return importlib.import_module(self.module)


_FORMATS = "snip_gui.core.export.formats"
_LOADERS = "snip_gui.core.weight_files"


def _check(one: ExportFormat, others: Sequence[ExportFormat]) -> None:
    """Raise if an entry that a package adds is not a format with a new extension."""
    if not isinstance(one, ExportFormat):
        raise TypeError(f"{one!r} is not an ExportFormat")
    if not one.suffix.startswith("."):
        raise ValueError(f"{one.suffix!r} is not a file extension, which begins with a dot")
    if one.precision not in PRECISION_TITLES:
        raise ValueError(f"{one.precision!r} is not one of {', '.join(PRECISION_TITLES)}")
    for other in others:
        if other.suffix == one.suffix:
            raise ValueError(f"the format “{other.name}” has the same extension, {one.suffix}")
    refuse_empty(one, "title", "description", "module")


FORMATS: Registry[ExportFormat] = Registry(
    "export format",
    "format",
    [
        ExportFormat(
            "safetensors",
            "safetensors",
            "Masked weights, masks and a manifest in one file that any safetensors reader can "
            "open.",
            ".safetensors",
            f"{_FORMATS}.safetensors_format",
            "any safetensors reader",
            loading_code=loading.SAFETENSORS,
        ),
        ExportFormat(
            "safetensors-fp16",
            "safetensors, fp16",
            "The same with half-precision weights. The effect on the test error is measured "
            "during export.",
            ".fp16.safetensors",
            f"{_FORMATS}.half_format",
            "any safetensors reader",
            loading_code=loading.SAFETENSORS,
            precision="float16",
        ),
        ExportFormat(
            "safetensors-int8",
            "safetensors, int8",
            "The same with weights as 8-bit integers and a scale for each output channel; loaded, "
            "they are single precision again.",
            ".int8.safetensors",
            f"{_FORMATS}.int8_format",
            "any safetensors reader",
            loading_code=loading.SAFETENSORS_INT8,
            precision="int8",
        ),
        ExportFormat(
            "pt",
            "PyTorch state_dict",
            "Masked weights only; loads with torch.load(weights_only=True) into the same network.",
            ".pt",
            f"{_FORMATS}.pt_format",
            "torch, same network",
            keeps_extra_state=True,
            loading_code=loading.PT,
        ),
        ExportFormat(
            "prune",
            "torch.nn.utils.prune",
            "weight_orig and weight_mask, named as in torch.nn.utils.prune. Comes with a loader "
            "that needs only torch.",
            ".prune.pt",
            f"{_FORMATS}.prune_format",
            "torch, same network",
            companion=f"{_LOADERS}.prune_loader",
            keeps_extra_state=True,
            loading_code=loading.PRUNE,
        ),
        ExportFormat(
            "packed",
            "Bit mask and values",
            "The smallest file up to 97% sparsity; beyond that, sparse rows are smaller. Comes "
            "with a short reader that needs only NumPy.",
            ".snip",
            f"{_FORMATS}.packed_format",
            "NumPy, its own reader",
            companion=f"{_LOADERS}.packed_reader",
            loading_code=loading.PACKED,
        ),
        ExportFormat(
            "csr",
            "Sparse rows (CSR)",
            "For torch.sparse, as safetensors; a convolution is out x (in kh kw). Comes with a "
            "loader.",
            ".csr.safetensors",
            f"{_FORMATS}.csr_format",
            "torch.sparse, SciPy",
            run_as="",
            companion=f"{_LOADERS}.csr_loader",
            loading_code=loading.CSR,
        ),
        ExportFormat(
            "onnx",
            "ONNX",
            "The whole masked network for other runtimes, with any batch size; zeros are stored "
            "and multiplied like other values.",
            ".onnx",
            f"{_FORMATS}.onnx_format",
            "ONNX runtimes",
            run_as="onnx",
            needs_onnx=True,
            loading_code=loading.ONNX,
        ),
        ExportFormat(
            "shrunk",
            "Shrunk PyTorch network",
            "A smaller dense network that computes the same function: units on no path are "
            "removed and constants folded. Its module definition is saved beside it and needs "
            "only torch.",
            ".shrunk.pt",
            f"{_FORMATS}.shrunk_format",
            "torch only",
            run_as="shrunk",
            makes_companion=True,
            loading_code=loading.SHRUNK,
            network="shrunk",
        ),
        ExportFormat(
            "shrunk-onnx",
            "Shrunk ONNX",
            "The shrunk network for other runtimes.",
            ".shrunk.onnx",
            f"{_FORMATS}.shrunk_onnx_format",
            "ONNX runtimes",
            run_as="shrunk-onnx",
            needs_onnx=True,
            loading_code=loading.ONNX,
            network="shrunk",
        ),
        ExportFormat(
            "int8-onnx",
            "ONNX, int8",
            "The masked network in 8-bit integers, which are faster. Ranges of activations are "
            "measured on training images, and the classes of all test images are compared.",
            ".int8.onnx",
            f"{_FORMATS}.int8_onnx_format",
            "ONNX runtimes",
            run_as="int8-onnx",
            needs_onnx=True,
            loading_code=loading.ONNX,
            precision="int8",
        ),
        ExportFormat(
            "shrunk-int8-onnx",
            "Shrunk ONNX, int8",
            "The shrunk network in 8-bit integers: usually the fastest.",
            ".shrunk.int8.onnx",
            f"{_FORMATS}.shrunk_int8_onnx_format",
            "ONNX runtimes",
            run_as="shrunk-int8-onnx",
            needs_onnx=True,
            loading_code=loading.ONNX,
            network="shrunk",
            precision="int8",
        ),
    ],
    plugins="snip_gui.exports",
    check=_check,
)


def find_format(path: Path) -> ExportFormat:
    """Return the format for a file name; raises `UserError` if there is none."""
    fitting = [candidate for candidate in FORMATS if path.name.endswith(candidate.suffix)]
    if fitting:
        return max(fitting, key=lambda candidate: len(candidate.suffix))
    return FORMATS[path.suffix.lstrip(".") or "(no suffix)"]


_COMPANIONS = (".load.py", ".png", ".md")
"""Suffixes that companion files add to the name of an export."""


def existing_files(path: Path) -> list[Path]:
    """Return the existing files among an export and its companions."""
    places = (path, *(path.with_name(path.name + what) for what in _COMPANIONS))
    return [place for place in places if os.path.lexists(place)]
