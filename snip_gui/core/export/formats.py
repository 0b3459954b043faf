"""The formats there are. Importing this module does not import torch."""

from __future__ import annotations

import importlib
import importlib.resources as resources
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from snip_gui.core.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import Tensor

    from snip_gui.core.export.package import Package


@dataclass(frozen=True, slots=True)
class ExportFormat:
    """A format that a checkpoint can be exported in.

    Attributes
    ----------
    suffix
        Ending of its files, with the dot.
    module
        Has ``write(package, path)`` and ``read_back(path) -> state_dict``.
    companion
        Module whose text goes beside each file as ``FILE.load.py``: it needs nothing of this
        program.
    """

    name: str
    title: str
    description: str
    suffix: str
    module: str
    companion: str = ""

    def write(self, package: Package, path: Path) -> None:
        """Write a package to a new file."""
        write: Callable[[Package, Path], None] = importlib.import_module(self.module).write
        write(package, path)

    def companion_text(self) -> str:
        """Return the text of the loader that goes beside each file; empty if there is none."""
        if not self.companion:
            return ""
        package, _, name = self.companion.rpartition(".")
        return resources.files(package).joinpath(f"{name}.py").read_text(encoding="utf-8")

    def read_back(self, path: Path) -> dict[str, Tensor]:
        """Return the weights that a file holds, as a stranger would read them."""
        return cast("dict[str, Tensor]", importlib.import_module(self.module).read_back(path))


FORMATS: Registry[ExportFormat] = Registry(
    "export format",
    "format",
    [
        ExportFormat(
            "safetensors",
            "safetensors",
            "Masked weights, masks and a manifest in one file that any safetensors reader opens.",
            ".safetensors",
            "snip_gui.core.export.safetensors_format",
        ),
        ExportFormat(
            "pt",
            "PyTorch state_dict",
            "Masked weights only; loads with torch.load(weights_only=True) into the same network.",
            ".pt",
            "snip_gui.core.export.pt_format",
        ),
        ExportFormat(
            "packed",
            "Packed: bit mask and kept values",
            "The smallest file. A reader of a few lines that needs NumPy alone lies beside it.",
            ".snip",
            "snip_gui.core.export.packed_format",
            "snip_gui.core.export.packed_reader",
        ),
        ExportFormat(
            "csr",
            "Compressed sparse rows",
            "For torch.sparse, as safetensors; a convolution is out x (in kh kw). With a loader.",
            ".csr.safetensors",
            "snip_gui.core.export.csr_format",
            "snip_gui.core.export.csr_loader",
        ),
        ExportFormat(
            "prune",
            "torch.nn.utils.prune",
            "weight_orig and weight_mask, as torch's own pruning names them. With a loader that "
            "needs torch alone.",
            ".prune.pt",
            "snip_gui.core.export.prune_format",
            "snip_gui.core.export.prune_loader",
        ),
    ],
)


def format_of(path: Path) -> ExportFormat:
    """Return the format that a file name asks for; raises `UserError` if none does."""
    fitting = [candidate for candidate in FORMATS if path.name.endswith(candidate.suffix)]
    if fitting:
        return max(fitting, key=lambda candidate: len(candidate.suffix))
    return FORMATS[path.suffix.lstrip(".") or "(no suffix)"]
