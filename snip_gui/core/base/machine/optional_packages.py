"""Packages that may be missing or broken, each imported when it is first needed.

A failed import (torchvision built for another torch, say) affects nothing else.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import re
from typing import TYPE_CHECKING, Any

from snip_gui.core.base.errors import UserError, is_memory_error, make_memory_error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.base.events import Event

_ONNX_PACKAGES = ("onnx", "onnxscript", "onnxruntime")
_QUANTIZING_VERSION = (1, 20)  # as in the extra [onnx]


def load_torch(cancel: CancelToken) -> Iterator[Event]:
    """Import torch, which takes seconds, and report its devices as `DevicesFound`.

    Raises
    ------
    UserError
        If the import fails; the hint says how to fix it.
    """
    import_torch()
    from snip_gui.core.base.machine.devices import find_devices

    yield from find_devices(cancel)


def import_torch() -> None:
    """Import torch; raises `UserError` with a hint on how to fix it."""
    try:
        torch = importlib.import_module("torch")
        # A folder named torch, or the remains of an installation, can be imported too.
        if not hasattr(torch, "Tensor"):
            raise ImportError(f"what is imported is not torch, but {torch!r}")
    except Exception as error:  # a damaged installation may raise anything
        raise UserError(
            f"torch cannot be imported: {_reason(error)}.",
            "Install it again (“pip install --force-reinstall torch torchvision”), or allow the "
            "process more memory if it is limited; then restart. Until then recipes and runs can "
            "be looked at, but nothing can be scored or trained.",
        ) from error


def import_torchvision(part: str, *, field: str) -> Any:  # noqa: ANN401 - torchvision has no types
    """Import ``torchvision.PART``; raises `UserError` with a hint on how to fix it.

    Parameters
    ----------
    field
        Dotted name of the recipe field that requires it.
    """
    try:
        return importlib.import_module(f"torchvision.{part}")
    except Exception as error:  # a damaged installation may raise anything
        if is_memory_error(error):
            raise make_memory_error() from error
        raise UserError(
            f"torchvision cannot be imported: {_reason(error)}.",
            "Install torch and torchvision together from the same index (“pip install --upgrade "
            "torch torchvision”). The built-in digits and the paper's networks work without it.",
            field=field,
        ) from error


def _reason(error: Exception) -> str:
    """Return why an import failed, in one line."""
    text = " ".join(str(error).split()).removesuffix(".")
    if text and isinstance(error, ImportError | OSError):
        return text
    return ": ".join(filter(None, (type(error).__name__, text)))


def refuse_missing_onnx() -> None:
    """Raise `UserError` if a package of the extra ``[onnx]`` is not installed."""
    if any(importlib.util.find_spec(package) is None for package in _ONNX_PACKAGES):
        raise UserError(
            "ONNX needs packages that are not installed.",
            "pip install 'snip-gui[onnx]', or onnx, onnxscript and onnxruntime.",
        )


def refuse_old_onnxruntime() -> None:
    """Raise `UserError` if onnxruntime is older than its quantization, as used here, needs."""
    found = importlib.metadata.version("onnxruntime")
    parts = tuple(int(part) for part in re.findall(r"\d+", found)[:2])
    if parts < _QUANTIZING_VERSION:
        oldest = ".".join(map(str, _QUANTIZING_VERSION))
        raise UserError(
            f"8-bit integers need onnxruntime {oldest} or newer; {found} is installed.",
            "pip install --upgrade onnxruntime",
        )
