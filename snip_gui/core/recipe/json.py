"""Recipes as JSON and as plain dictionaries, both ways, strictly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from snip_gui.core.base.errors import UserError
from snip_gui.core.recipe.methods import METHODS
from snip_gui.core.recipe.recipe import Recipe

if TYPE_CHECKING:
    from pathlib import Path


def encode_recipe(recipe: Recipe) -> str:
    """Return the recipe as indented JSON that ends in a newline."""
    return msgspec.json.format(msgspec.json.encode(recipe), indent=2).decode() + "\n"


def decode_recipe(text: str | bytes, *, where: str = "The recipe") -> Recipe:
    """Read a recipe from JSON.

    Parameters
    ----------
    text
        The JSON.
    where
        What the text is, for the error: ``"recipe.json"``.

    Raises
    ------
    UserError
        If the text is no JSON, or a field is unknown, missing, of the wrong type or out of bounds;
        the error names the field.
    """
    try:
        return msgspec.json.decode(text, type=Recipe)
    except msgspec.ValidationError as error:
        problem, field = _split_path(str(error))
        place = f" at “{field}”" if field else ""
        raise UserError(
            f"{where} cannot be used{place}: {problem}.",
            "Correct that field, or start from a new recipe.",
            field=field.partition("[")[0],  # the field, not the item in it, has a form and a flag
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UserError(
            f"{where} is not readable as JSON: {error}.",
            "Choose a recipe file saved by this program, or correct it in a text editor.",
        ) from error


def load_recipe(path: Path) -> Recipe:
    """Read a recipe file; raises `UserError` as `decode_recipe`, and if it cannot be opened."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(
            f"The recipe “{path}” cannot be read: {error.strerror}.",
            "Check that the file exists and that you may read it.",
        ) from error
    return decode_recipe(data, where=f"“{path.name}”")


def with_value(recipe: Recipe, path: str, value: object) -> Recipe:
    """Return the recipe with the field at the dotted ``path`` replaced, checked like a file.

    Raises
    ------
    UserError
        If the value is not allowed there.
    """
    raw = msgspec.to_builtins(recipe)
    *parents, last = path.split(".")
    part = raw
    for name in parents:
        part = part[name]
    if path == "pruning.method" and value in METHODS.names:
        raw["pruning"] = switch_method(part, str(value))
    else:
        part[last] = msgspec.to_builtins(value)
    return from_builtins(raw)


def switch_method(pruning: dict[str, Any], method: str) -> dict[str, Any]:
    """Return another method's part of a recipe; settings that both have and were changed stay."""
    known = METHODS[method].spec.__struct_fields__
    usual = msgspec.to_builtins(METHODS[pruning["method"]].spec())
    changed = {k: v for k, v in pruning.items() if k in known and v != usual[k]}
    return {"method": method} | changed


def from_builtins(raw: object) -> Recipe:
    """Return the recipe that plain dictionaries describe; raises `UserError` as a file would."""
    return decode_recipe(msgspec.json.encode(raw))


def _split_path(message: str) -> tuple[str, str]:
    """Split msgspec's ``problem - at `$.path` `` into the problem and a dotted field name."""
    problem, _, location = message.partition(" - at `")
    field = location.rstrip("`").removeprefix("$").lstrip(".")
    if problem.startswith("Object contains unknown field "):
        name = problem.split("`")[1]
        field = f"{field}.{name}" if field else name
        problem = "this field is not known"
    elif problem.startswith("Object missing required field "):
        name = problem.split("`")[1]
        field = f"{field}.{name}" if field else name
        problem = "this field is missing"
    return problem[:1].lower() + problem[1:], field
