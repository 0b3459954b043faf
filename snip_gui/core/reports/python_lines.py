"""Python code for a notebook that reproduces the current view. No torch."""

from __future__ import annotations

import pprint
from typing import Any

import msgspec

from snip_gui.core.recipe.methods import find_method, method_named
from snip_gui.core.recipe.recipe import Recipe

_LINES = """\
from snip_gui.core.api import apply_mask, build_recipe, mask_at

recipe = {recipe}
built = build_recipe(recipe{place})
masks = mask_at(built.ranking, {sparsity!r})
model = apply_mask(built.model, masks)
print(f"{{sum(int(mask.sum()) for mask in masks.values()):,}} connections are kept")
"""

_PREVIEW = """\
# A preview: this method finds its masks while it trains. Of a run, use load_run(folder).
"""


_MASK_LINES = """\
import torch
from safetensors.torch import load_file

# For your own training script, between creating the network (model) and the optimizer.
masks = load_file({path!r})
parameters = dict(model.named_parameters())
for name, mask in masks.items():
    parameter = parameters[name]
    removed = (mask == 0).to(parameter.device)
    with torch.no_grad():
        parameter[removed] = 0
    # Without gradients, momentum and weight decay leave removed weights at zero.
    parameter.register_hook(lambda grad, removed=removed: grad.masked_fill(removed, 0))
"""


def mask_lines(path: str) -> str:
    """Return code that puts the masks in a safetensors file into any training script."""
    return _MASK_LINES.format(path=path)


def python_lines(recipe: Recipe, data_folder: str = "") -> str:
    """Return code that builds, ranks and prunes a recipe as the window does.

    Parameters
    ----------
    data_folder
        Folder of its data set; empty if it needs none.
    """
    changes = _changes(msgspec.to_builtins(recipe))
    changes.pop("training", None)  # nothing is trained
    place = f", {data_folder!r}" if data_folder else ""
    shown = pprint.pformat(changes, width=96, sort_dicts=False, compact=True)
    lines = _PREVIEW + _LINES if find_method(recipe.pruning).masks_for == "training" else _LINES
    return lines.format(recipe=shown, place=place, sparsity=recipe.pruning.sparsity)


def _changes(raw: dict[str, Any]) -> dict[str, Any]:
    """Return the parts of a recipe that differ from the defaults."""
    default = msgspec.to_builtins(Recipe())
    default["pruning"] = msgspec.to_builtins(method_named(raw["pruning"]["method"]).spec())
    found: dict[str, Any] = {}
    for name, value in raw.items():
        if not isinstance(value, dict):
            if value != default[name]:
                found[name] = value
            continue
        part = {k: v for k, v in value.items() if v != default[name].get(k)}
        tag = next((k for k in ("method", "kind") if k in value), None)
        first = msgspec.to_builtins(Recipe())[name]
        if tag is not None and value[tag] != first[tag]:
            part = {tag: value[tag]} | part
        if part:
            found[name] = part
    return found
