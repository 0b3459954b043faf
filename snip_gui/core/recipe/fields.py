"""What is known about each field of a recipe: label, help, unit, bounds, choices, flag.

Read from the types of `snip_gui.core.recipe.recipe`, so that forms, command-line flags and
validation can never disagree.
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
"""The tag of the union of pruning methods, which no single method's fields contain."""


@functools.cache
def all_fields() -> tuple[Field, ...]:
    """Return every field that a person can set, each once, in the order of the recipe."""
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
