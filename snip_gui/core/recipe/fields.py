"""Metadata of every field of a recipe: label, help, unit, bounds, choices, flag.

It is read from the types in `snip_gui.core.recipe.recipe`, so forms, command-line flags and
validation cannot disagree.
"""

from __future__ import annotations

import functools

import msgspec

from snip_gui.core.recipe.field import Field, find_fields
from snip_gui.core.recipe.methods import METHODS
from snip_gui.core.recipe.recipe import Recipe

METHOD = Field(
    path="pruning.method",
    kind="choice",
    label="Method",
    help="How the connections to keep are chosen. "
    + " ".join(f"{method.title}: {method.description}" for method in METHODS),
    choices=tuple((method.name, method.title) for method in METHODS),
    flag="method",
)
"""The tag of the union of pruning methods, which is not a field of any of them."""


@functools.cache
def all_fields() -> tuple[Field, ...]:
    """Return every field that a user can set, each once, in the order of the recipe."""
    found: dict[str, Field] = {}
    for field in find_fields(msgspec.inspect.type_info(Recipe), ""):
        found.setdefault(field.path, field)
    return tuple(found.values())


@functools.cache
def field(path: str) -> Field:
    """Return the field at a dotted path; raises `KeyError` if there is none."""
    for candidate in all_fields():
        if candidate.path == path:
            return candidate
    raise KeyError(path)
