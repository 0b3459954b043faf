"""The one place that imports torchvision.

It is imported when something of it is first needed; one that cannot be imported (it was built for
another torch, say) spoils nothing else.
"""

from __future__ import annotations

import importlib
from typing import Any

from snip_gui.core.base.errors import UserError


def import_torchvision(part: str, *, field: str) -> Any:  # noqa: ANN401 - torchvision has no types
    """Import ``torchvision.PART``; raises `UserError` with the remedy.

    Parameters
    ----------
    field
        Dotted name of the recipe field that asked for it.
    """
    try:
        return importlib.import_module(f"torchvision.{part}")
    except (ImportError, RuntimeError, OSError) as error:
        raise UserError(
            f"torchvision cannot be imported: {error}.",
            "Install torch and torchvision together from the same index (“pip install --upgrade "
            "torch torchvision”). The built-in digits and the paper's networks work without it.",
            field=field,
        ) from error


_ONNX_PACKAGES = ("onnx", "onnxscript", "onnxruntime")
