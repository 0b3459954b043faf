"""The groups that an overlap study can compare, chosen by name and written as text."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from snip_gui.core.base.errors import UserError
from snip_gui.core.recipe.fields import METHOD, all_fields
from snip_gui.core.recipe.recipe import Draw, parse_class
from snip_gui.core.studies.overlaps.overlap import class_groups, field_groups

if TYPE_CHECKING:
    from collections.abc import Sequence

    from snip_gui.core.recipe.field import Field
    from snip_gui.core.recipe.recipe import ClassChoice, Recipe
    from snip_gui.core.studies.overlaps.overlap import Group

CLASSES = "minibatch.classes"

_FIRST = (METHOD.path, "pruning.sparsity", "model.init", "minibatch.size")
_SINGLE = ("bool", "int", "float", "choice", "text")


@functools.cache
def comparable_fields() -> tuple[Field, ...]:
    """Return the fields whose values can be compared, the most useful ones first."""
    fields = [METHOD, *(field for field in all_fields() if field.kind in _SINGLE)]
    fields = [field for field in fields if not field.path.startswith(("training.", "data."))]
    return tuple(
        sorted(fields, key=lambda f: _FIRST.index(f.path) if f.path in _FIRST else len(_FIRST))
    )


def find_field(flag: str) -> Field:
    """Return the comparable field of a command-line flag; raises `UserError` if there is none."""
    for field in comparable_fields():
        if field.flag == flag.removeprefix("--"):
            return field
    flags = ", ".join(field.flag for field in comparable_fields())
    raise UserError(
        f"{flag} is not a setting whose values change a mask.", f"Choose one of: {flags}."
    )


def make_groups(
    recipe: Recipe, path: str, words: Sequence[str], classes: Sequence[str]
) -> tuple[Group, ...]:
    """Return a group for each class, or for each value of a field.

    Parameters
    ----------
    path
        Dotted name of a field.
    words
        Values as text; without any, all classes of the data set, or those of the recipe, or all
        choices of the field.
    classes
        Names of the classes.

    Raises
    ------
    UserError
        If a value is not valid, or none is given where there are no choices.
    """
    if path == CLASSES:
        chosen: Sequence[ClassChoice] = [parse_class(word) for word in words]
        own = recipe.minibatch.classes if isinstance(recipe.minibatch, Draw) else ()
        return class_groups(recipe, chosen or (own if len(own) > 1 else classes))
    (field,) = (field for field in comparable_fields() if field.path == path)
    values = [_value(word, field) for word in words] or [value for value, _ in field.choices]
    if not values:
        raise UserError(
            f"There is no value of “{field.label}” to compare.", "Enter some, with commas between."
        )
    return field_groups(recipe, path, values)


def _value(word: str, field: Field) -> object:
    """Return a value from text; one of the wrong type is refused when the recipe is made."""
    try:
        if field.path == "pruning.sparsity" and word.endswith("%"):
            return float(word.rstrip("%")) / 100
        match field.kind:
            case "int":
                return int(word)
            case "float":
                return float(word)
            case "bool":
                return {"on": True, "true": True, "off": False, "false": False}.get(word, word)
    except ValueError:
        pass
    return word
