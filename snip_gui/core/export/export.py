"""Exporting a run: written to a temporary name, read back, compared, renamed."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import torch

from snip_gui.core.errors import UserError
from snip_gui.core.events import Event, ExportDone, Note, Progress
from snip_gui.core.export.formats import FORMATS
from snip_gui.core.export.package import package_run
from snip_gui.core.files import replacing, write_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from torch import Tensor

    from snip_gui.core.cancel import CancelToken


def export_run(folder: Path, format_name: str, path: Path, cancel: CancelToken) -> Iterator[Event]:
    """Write the pruned network of a run to a file; ends in `ExportDone`.

    Raises
    ------
    UserError
        If the run has no mask, the file cannot be written, or what was read back differs. The old
        file, if any, is then as it was.
    Cancelled
        If cancelled before the file was renamed.
    """
    chosen = FORMATS[format_name]
    yield Progress(f"Exporting {path.name}")
    package = package_run(folder)
    if not package.manifest["trained"]:
        yield Note(f"“{folder.name}” was never trained: its weights are the initial ones.")
    with replacing(path) as part:
        chosen.write(package, part)
        yield Progress(f"Reading {path.name} back")
        _refuse_difference(package.state, chosen.read_back(part), path)
        digest = hashlib.sha256(part.read_bytes()).hexdigest()
        size_bytes = part.stat().st_size
        cancel.raise_if_cancelled()
    loader = chosen.companion_text()
    if loader:
        write_text(path.with_name(f"{path.name}.load.py"), loader)
        yield Note(f"“{path.name}.load.py” reads it without this program.")
    yield ExportDone(path, size_bytes, digest)
    yield Note(f"Exported {path} ({size_bytes:,} bytes), read back and equal bit for bit.")


def _refuse_difference(written: dict[str, Tensor], read: dict[str, Tensor], path: Path) -> None:
    """Raise a `UserError` unless both hold the same tensors, bit for bit."""
    same = written.keys() == read.keys() and all(
        written[name].shape == read[name].shape
        and written[name].dtype == read[name].dtype
        and torch.equal(_bits(written[name]), _bits(read[name]))
        for name in written
    )
    if not same:
        raise UserError(
            f"What was written to “{path}” reads back differently.",
            "The disk may be damaged; choose another place.",
        )


def _bits(tensor: Tensor) -> Tensor:
    """Return the bytes of a tensor, so that NaN equals NaN and -0.0 differs from 0.0."""
    return tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
