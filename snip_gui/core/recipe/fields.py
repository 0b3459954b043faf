"""What is known about each field of a recipe: label, help, unit, bounds, choices, flag.

Read from the types of `snip_gui.core.recipe.recipe`, so that forms, command-line flags and
validation can never disagree.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

from snip_gui.core.recipe.methods import METHODS
from snip_gui.core.recipe.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Iterator

Kind: TypeAlias = Literal["bool", "int", "float", "choice", "text", "ints", "floats", "texts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a recipe.

    Attributes
    ----------
    path
        Dotted name, such as ``training.batch_size``.
    kind
        The value's type; ``ints`` and the like are tuples.
    minimum, maximum
        Bounds of a number, inclusive; infinite where there is none. Exclusive bounds of floats
        are moved inwards by one part in 10 to the ``decimals``.
    choices
        Allowed values of a ``choice`` with their labels, in order.
    choices_from
        Name of the catalogue that knows the choices of a ``text`` field; empty if any text goes.
    flag
        Command-line flag without the leading dashes.
    zero
        What a number of 0 means, if it means something of its own.
    """

    path: str
    kind: Kind
    label: str
    help: str
    unit: str = ""
    minimum: float = -math.inf
    maximum: float = math.inf
    step: float = 1
    decimals: int = 0
    choices: tuple[tuple[str, str], ...] = ()
    choices_from: str = ""
    flag: str = ""
    zero: str = ""

    @property
    def object_name(self) -> str:
        """Name of the widget that edits this field, in snake case."""
        return self.path.replace(".", "_")


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
    for field in _walk(msgspec.inspect.type_info(Recipe), ""):
        found.setdefault(field.path, field)
    return tuple(found.values())


@functools.cache
def field(path: str) -> Field:
    """Return the field at a dotted path; raises `KeyError` if there is none."""
    for candidate in all_fields():
        if candidate.path == path:
            return candidate
    raise KeyError(path)


def _walk(info: msgspec.inspect.Type, prefix: str) -> Iterator[Field]:
    """Yield the titled leaves below a type."""
    if isinstance(info, msgspec.inspect.UnionType):
        for member in info.types:
            yield from _walk(member, prefix)
    elif isinstance(info, msgspec.inspect.StructType):
        for part in info.fields:
            path = f"{prefix}.{part.name}" if prefix else part.name
            if isinstance(part.type, msgspec.inspect.Metadata):
                yield _leaf(part.type, path)
            else:
                yield from _walk(part.type, path)


def _leaf(info: msgspec.inspect.Metadata, path: str) -> Field:
    """Return the field described by an annotated type."""
    schema = info.extra_json_schema or {}
    extra = info.extra or {}
    kind = _kind(info.type)
    minimum, maximum = _bounds(info.type, int(extra.get("decimals", 0)))
    labels = extra.get("labels", {})
    values = info.type.values if isinstance(info.type, msgspec.inspect.LiteralType) else ()
    order = [*labels, *(value for value in values if value not in labels)]
    return Field(
        path=path,
        kind=kind,
        label=schema.get("title", path),
        help=schema.get("description", ""),
        unit=extra.get("unit", ""),
        minimum=minimum,
        maximum=maximum,
        step=extra.get("step", 1),
        decimals=extra.get("decimals", 0),
        choices=tuple((value, labels.get(value, value)) for value in order),
        choices_from=extra.get("choices_from", ""),
        flag=extra.get("flag", path.rpartition(".")[2].replace("_", "-")),
        zero=extra.get("zero", ""),
    )


def _kind(info: msgspec.inspect.Type) -> Kind:
    """Return the kind of a leaf type."""
    match info:
        case msgspec.inspect.Metadata():
            return _kind(info.type)
        case msgspec.inspect.BoolType():
            return "bool"
        case msgspec.inspect.IntType():
            return "int"
        case msgspec.inspect.FloatType():
            return "float"
        case msgspec.inspect.LiteralType():
            return "choice"
        case msgspec.inspect.StrType():
            return "text"
        case msgspec.inspect.VarTupleType():
            plural: dict[str, Kind] = {"int": "ints", "float": "floats", "text": "texts"}
            return plural[_kind(info.item_type)]
    raise TypeError(f"no form for {info}")


def _bounds(info: msgspec.inspect.Type, decimals: int) -> tuple[float, float]:
    """Return inclusive bounds of a number type."""
    if not isinstance(info, msgspec.inspect.IntType | msgspec.inspect.FloatType):
        return -math.inf, math.inf
    nudge = 1.0 if isinstance(info, msgspec.inspect.IntType) else 10.0**-decimals
    minimum, maximum = -math.inf, math.inf
    if info.ge is not None:
        minimum = info.ge
    elif info.gt is not None:
        minimum = info.gt + nudge
    if info.le is not None:
        maximum = info.le
    elif info.lt is not None:
        maximum = info.lt - nudge
    return minimum, maximum
