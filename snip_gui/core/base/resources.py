"""Finds the files of ``resources/``, in a checkout as well as in an installed wheel.

No other module knows where they are.
"""

from __future__ import annotations

from pathlib import Path

import snip_gui

_PACKAGE = Path(snip_gui.__file__).resolve().parent


def resource(*parts: str) -> Path:
    """Return the path of a resource, such as ``resource("icons", "train.svg")``.

    Raises
    ------
    FileNotFoundError
        If there is no such resource: the installation is damaged.
    """
    for root in (_PACKAGE / "_resources", _PACKAGE.parent / "resources"):
        path = root.joinpath(*parts)
        if path.exists():
            return path
    raise FileNotFoundError(f"resource {'/'.join(parts)} is missing; reinstall the program")
