"""Edits of a mask by hand: which connections are kept or removed, whatever their scores.

Edits are applied in order, so that a later one overrides those before it. Each can be written as a
line of text, as the command line takes it::

    keep fc1.weight[0:10, 5]      rows and columns of a weight, counted from 0, ends excluded
    remove conv1.weight[3, 0]     a kernel
    remove fc2.bias               a whole tensor
    remove units fc1[3]           all connections into units, and their biases
    keep pixels [10:18, 10:18]    all connections of input pixels
    remove dead pixels            those of pixels that are equal in all training images

Brackets may be repeated: ``remove fc1.weight[0, 1][2, 3]``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from msgspec import Meta

from snip_gui.core.base.errors import UserError
from snip_gui.core.recipe.part import RecipePart

if TYPE_CHECKING:
    from collections.abc import Sequence

EditAction: TypeAlias = Literal["keep", "remove"]

_Index: TypeAlias = Annotated[int, Meta(ge=0, le=2**53)]
Span: TypeAlias = tuple[_Index, _Index]
"""First index and end, which is excluded."""
Box: TypeAlias = tuple[Span, ...]
"""A span for each of the first axes of a tensor; the other axes are whole."""


class _Edit(RecipePart, frozen=True, kw_only=True, tag_field="what"):
    """Something that is kept, or removed."""

    action: EditAction


class ConnectionsEdit(_Edit, frozen=True, kw_only=True, tag="connections"):
    """Connections of a tensor: a rectangle of its matrix, a kernel, or what a brush painted.

    Attributes
    ----------
    tensor
        Key of a prunable weight or bias in the state_dict.
    """

    tensor: Annotated[str, Meta(min_length=1)]
    boxes: Annotated[tuple[Box, ...], Meta(min_length=1)] = ((),)

    def __post_init__(self) -> None:
        _refuse_empty(*self.boxes)

    def __str__(self) -> str:
        boxes = "".join(f"[{_box_text(box)}]" for box in self.boxes if box)
        return f"{self.action} {self.tensor}{boxes}"


class UnitsEdit(_Edit, frozen=True, kw_only=True, tag="units"):
    """All connections into units of a layer, and their biases."""

    layer: Annotated[str, Meta(min_length=1)]
    units: Annotated[tuple[Span, ...], Meta(min_length=1)]

    def __post_init__(self) -> None:
        _refuse_empty(self.units)

    def __str__(self) -> str:
        units = "".join(f"[{_span_text(span)}]" for span in self.units)
        return f"{self.action} units {self.layer}{units}"


class PixelsEdit(_Edit, frozen=True, kw_only=True, tag="pixels"):
    """All connections of input pixels in rectangles of rows and columns, in every channel."""

    boxes: Annotated[tuple[tuple[Span, Span], ...], Meta(min_length=1)]

    def __post_init__(self) -> None:
        _refuse_empty(*self.boxes)

    def __str__(self) -> str:
        return f"{self.action} pixels {''.join(f'[{_box_text(box)}]' for box in self.boxes)}"


class DeadPixelsEdit(_Edit, frozen=True, kw_only=True, tag="dead-pixels"):
    """All connections of inputs that have the same value in all training images."""

    def __str__(self) -> str:
        return f"{self.action} dead pixels"


Edit: TypeAlias = ConnectionsEdit | UnitsEdit | PixelsEdit | DeadPixelsEdit

_LONGEST = 60  # characters; a painted region has hundreds of boxes
_SPAN = re.compile(r"\s*(\d{1,15})\s*(?::\s*(\d{1,15})\s*)?")
_LINE = re.compile(
    r"(?P<action>keep|remove)\s+(?:(?P<rule>units|pixels)\s+)?(?P<name>[^\s\[\]]*)\s*"
    r"(?P<boxes>(?:\[[^\[\]]+\]\s*)*)"
)
_HINT = (
    "Write, for instance, “keep fc1.weight[0:10, 5]”, “remove units fc1[3]”, "
    "“remove pixels [0:4, 0:28]” or “remove dead pixels”."
)


def shortened(edit: Edit) -> str:
    """Return an edit as a line of text that fits a list: few of its boxes, and their number."""
    text = str(edit)
    if len(text) <= _LONGEST or text.count("[") == 1:
        return text
    number = text.count("[")
    return f"{text[: text.index(']', 0) + 1]} and {number - 1:,} more"


def describe_edits(edits: Sequence[Edit]) -> str:
    """Return the number of edits: ``2 mask edits``; empty without any."""
    number = len(edits)
    return f"{number:,} mask {'edit' if number == 1 else 'edits'}" if number else ""


def parse_edit(text: str) -> Edit:
    """Return the edit that a line of text describes; raises `UserError` if there is none."""
    line = _LINE.fullmatch(text.strip())
    if re.fullmatch(r"(keep|remove)\s+dead pixels", text.strip()):
        return DeadPixelsEdit(action="keep" if text.strip().startswith("keep") else "remove")
    if line is None:
        raise _unreadable(text)
    action: EditAction = "keep" if line["action"] == "keep" else "remove"
    try:
        boxes = tuple(map(_parse_box, re.findall(r"\[([^\[\]]+)\]", line["boxes"])))
        if (bool(line["rule"]) and not boxes) or line["name"] in ("units", "pixels"):
            raise ValueError(text)
        match line["rule"]:
            case "units":
                units = tuple(span for (span,) in boxes)
                return UnitsEdit(action=action, layer=line["name"], units=units)
            case "pixels":
                pixels = tuple((rows, columns) for rows, columns in boxes)
                if line["name"]:
                    raise ValueError(line["name"])
                return PixelsEdit(action=action, boxes=pixels)
        if not line["name"]:
            raise ValueError(text)
        return ConnectionsEdit(action=action, tensor=line["name"], boxes=boxes or ((),))
    except ValueError as error:
        raise _unreadable(text) from error


def _parse_box(text: str) -> Box:
    """Return the spans of a box; raises `ValueError` if there are none."""
    spans = []
    for part in text.split(","):
        found = _SPAN.fullmatch(part)
        if found is None:
            raise ValueError(part)
        first = int(found[1])
        spans.append((first, int(found[2]) if found[2] else first + 1))
    return tuple(spans)


def _box_text(box: Box) -> str:
    return ", ".join(map(_span_text, box))


def _span_text(span: Span) -> str:
    first, end = span
    return f"{first}" if end == first + 1 else f"{first}:{end}"


def _refuse_empty(*boxes: Box) -> None:
    """Raise `ValueError` for a span that contains nothing."""
    for box in boxes:
        for first, end in box:
            if end <= first:
                raise ValueError(f"{first}:{end} contains no index; the end is excluded")


def _unreadable(text: str) -> UserError:
    return UserError(f"“{text}” is not an edit of a mask.", _HINT, field="pruning.edits")
