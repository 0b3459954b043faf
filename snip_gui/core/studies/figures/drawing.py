"""Shapes that a figure consists of, and the colours of light and dark pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Colour: TypeAlias = tuple[int, int, int]
Anchor: TypeAlias = Literal["start", "middle", "end"]


@dataclass(frozen=True, slots=True)
class Colours:
    """Colours of a page; series have the palette of Okabe and Ito, safe for colour-blind people.

    Its yellow, which is too pale on white, is replaced by brown.
    """

    paper: Colour
    ink: Colour
    muted: Colour
    faint: Colour
    series: tuple[Colour, ...]


LIGHT = Colours(
    paper=(255, 255, 255),
    ink=(34, 40, 49),
    muted=(96, 104, 116),
    faint=(224, 228, 233),
    series=((0, 114, 178), (213, 94, 0), (0, 158, 115), (204, 121, 167), (230, 159, 0),
            (86, 180, 233), (34, 40, 49), (124, 82, 40)),
)  # fmt: skip

DARK = Colours(
    paper=(30, 34, 41),
    ink=(228, 231, 235),
    muted=(160, 168, 180),
    faint=(58, 64, 74),
    series=((86, 180, 233), (255, 140, 66), (70, 200, 160), (224, 150, 190), (240, 190, 60),
            (150, 205, 250), (228, 231, 235), (196, 150, 108)),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """A line through points; ``dashes`` are the lengths of dash and gap, in pixels."""

    points: tuple[tuple[float, float], ...]
    colour: Colour
    width: float = 1.0
    dashes: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Dot:
    """A marker, filled or open."""

    x: float
    y: float
    radius: float
    colour: Colour
    is_filled: bool = True


@dataclass(frozen=True, slots=True)
class Box:
    """A filled rectangle."""

    x: float
    y: float
    width: float
    height: float
    colour: Colour


@dataclass(frozen=True, slots=True)
class Words:
    """A line of text; ``y`` is its baseline."""

    x: float
    y: float
    text: str
    size: float
    colour: Colour
    anchor: Anchor = "start"


@dataclass(frozen=True, slots=True, eq=False)
class Raster:
    """An image of grey values (H, W) from 0 to 255, enlarged to a square."""

    x: float
    y: float
    side: float
    grey_HW: NDArray[np.uint8]


Shape: TypeAlias = Line | Dot | Box | Words | Raster


@dataclass(frozen=True, slots=True)
class Drawing:
    """Shapes from back to front on a page; lengths are in pixels."""

    width: float
    height: float
    paper: Colour
    shapes: tuple[Shape, ...]


def text_width(text: str, size: float) -> float:
    """Return an estimate of the width of text, a little more than usual fonts need."""
    return 0.58 * size * len(text)
