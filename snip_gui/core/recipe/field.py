"""A field of a recipe or of the preferences: label, help, unit, bounds, choices, flag."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator


Kind: TypeAlias = Literal[
    "bool", "int", "float", "choice", "text", "folder", "ints", "floats", "texts"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field of a recipe.

    Attributes
    ----------
    path
        Dotted name, such as ``training.batch_size``.
    kind
        The value's type; ``ints`` and the like are tuples, and a ``folder`` is its path as text.
    minimum, maximum
        Inclusive bounds of a number; infinite if there are none. Exclusive bounds of floats are
        moved inwards by ``10 ** -decimals``.
    choices
        Allowed values of a ``choice`` and their labels, in order.
    choices_from
        Name of the catalogue that lists the choices of a ``text`` field; empty if any text is
        valid.
    flag
        Command-line flag without the leading dashes.
    zero
        What 0 stands for, if it has a special meaning.
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
        """Object name of the widget that edits this field, in snake case."""
        return self.path.replace(".", "_")

    @property
    def flags(self) -> tuple[str, ...]:
        """Its flag, and for a switch the one that turns it off."""
        return (self.flag, f"no-{self.flag}") if self.kind == "bool" else (self.flag,)

    @property
    def values(self) -> tuple[object, ...]:
        """Which values it accepts: their type, bounds and choices."""
        return self.kind, self.minimum, self.maximum, tuple(value for value, _ in self.choices)


def find_fields(info: msgspec.inspect.Type, prefix: str) -> Iterator[Field]:
    """Yield the titled leaves below a type."""
    if isinstance(info, msgspec.inspect.UnionType):
        for member in info.types:
            yield from find_fields(member, prefix)
    elif isinstance(info, msgspec.inspect.StructType):
        for part in info.fields:
            path = f"{prefix}.{part.name}" if prefix else part.name
            if isinstance(part.type, msgspec.inspect.Metadata):
                yield _leaf(part.type, path)
            else:
                yield from find_fields(part.type, path)


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
        case msgspec.inspect.StrType() | msgspec.inspect.UnionType():
            return "text"  # every alternative of a union can be written as text
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
