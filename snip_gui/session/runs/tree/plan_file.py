"""The file of the tree of plans: what came from what, and the files that were opened."""

from __future__ import annotations

from typing import Any

import msgspec

from snip_gui.core.comparing.plans import Plan
from snip_gui.core.recipe.json import from_builtins


def encode_plans(links: dict[str, str], files: dict[str, Plan]) -> str:
    """Return recorded parents and opened files by key as indented JSON that ends in a newline."""
    rows = {
        key: {"name": plan.name, "recipe": msgspec.to_builtins(plan.recipe)}
        for key, plan in files.items()
    }
    text = msgspec.json.encode({"format": 1, "links": links, "files": rows})
    return msgspec.json.format(text).decode() + "\n"


def decode_plans(data: bytes) -> tuple[dict[str, str], dict[str, Plan]]:
    """Return recorded parents and opened files by key.

    Raises
    ------
    UserError
        If a recipe is not valid, or of a newer version.
    ValueError
        If the data is anything else.
    """
    raw = msgspec.json.decode(data, type=dict[str, Any])
    if raw.get("format") != 1:
        raise ValueError("it does not hold plans of this version")
    links = msgspec.convert(raw.get("links"), dict[str, str])
    files = {}
    for key, row in msgspec.convert(raw.get("files"), dict[str, dict[str, Any]]).items():
        recipe = from_builtins(row.get("recipe"))
        files[key] = Plan(
            key=key, kind="file", name=str(row.get("name")), recipe=recipe,
            sparsity=recipe.pruning.sparsity,
        )  # fmt: skip
    return links, files
