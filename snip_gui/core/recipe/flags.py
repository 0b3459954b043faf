"""The command line of a recipe: flags generated from its fields."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from snip_gui.core.recipe.fields import all_fields
from snip_gui.core.recipe.methods import find_method
from snip_gui.core.recipe.recipe import Recipe, class_text

if TYPE_CHECKING:
    from snip_gui.core.recipe.field import Field


def flag_line(recipe: Recipe) -> list[str]:
    """Return the arguments of ``snip-gui run`` that yield a recipe, without defaults.

    Raises
    ------
    ValueError
        If the minibatch was picked by hand, which needs a recipe file.
    """
    raw, default = msgspec.to_builtins(recipe), msgspec.to_builtins(Recipe())
    if recipe.pruning.method != default["pruning"]["method"]:
        default["pruning"] = msgspec.to_builtins(find_method(recipe.pruning).spec())
    if raw["minibatch"]["kind"] != "draw":
        raise ValueError("a picked minibatch has no flags")
    words = ["--model", recipe.model.name, "--dataset", recipe.data.name]
    if recipe.pruning.method != Recipe().pruning.method:
        words += ["--method", recipe.pruning.method]
    always = ("minibatch.size", "pruning.sparsity", "training.epochs", "seed")
    for field in flag_fields():
        part, _, name = field.path.rpartition(".")
        values, defaults = (raw[part], default[part]) if part else (raw, default)
        if field.path in ("model.name", "data.name") or name not in values:
            continue
        if field.path in always or values[name] != defaults.get(name):
            value = values[name]
            if field.kind == "bool":
                words.append(f"--{field.flag}" if value else f"--no-{field.flag}")
                continue
            listed = value if isinstance(value, tuple) else [value]
            text = class_text if field.path == "minibatch.classes" else str
            words += [f"--{field.flag}", *map(text, listed)]
    for edit in recipe.pruning.edits:
        words += ["--edit", str(edit)]
    return words


def flag_fields() -> list[Field]:
    """Return the fields that have a flag: all but hand-picked images."""
    return [field for field in all_fields() if field.path != "minibatch.indices"]
