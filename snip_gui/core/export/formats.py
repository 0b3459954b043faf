"""The formats there are. Importing this module does not import torch."""

from __future__ import annotations

import importlib
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
    """

    name: str
    title: str
    description: str
    suffix: str
    module: str

    def write(self, package: Package, path: Path) -> None:
        """Write a package to a new file."""
        write: Callable[[Package, Path], None] = importlib.import_module(self.module).write
        write(package, path)

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
    ],
)


def format_of(path: Path) -> ExportFormat:
    """Return the format that a file name asks for; raises `UserError` if none does."""
    for candidate in FORMATS:
        if path.suffix == candidate.suffix:
            return candidate
    return FORMATS[path.suffix.lstrip(".") or "(no suffix)"]
