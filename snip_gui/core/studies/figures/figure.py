"""What the figures of studies show, as values; how they look is decided by `layout`. No torch.

Shapes: R rows, C columns of a matrix; H rows and W columns of pixels of an image.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from snip_gui.core.studies.intervals import Interval

PERCENT = "percent"
"""Format of fractions as percentages with as many decimals as they have."""

Origin: TypeAlias = Literal["ours", "paper", "reproduced", "reference"]


@dataclass(frozen=True, slots=True)
class Series:
    """Points that belong together.

    Attributes
    ----------
    lows, highs
        Confidence interval of each y; empty for none. Infinite bounds are not drawn.
    origin
        Who measured it: our results are drawn in colour, published ones in grey with open markers,
        and a reference line of ours in grey.
    group
        Published series with the group of one of ours have its colour; empty for grey.
    is_joined
        Whether neighbouring points are joined by a line.
    has_markers
        Whether each point has a marker.
    """

    label: str
    xs: tuple[float, ...]
    ys: tuple[float, ...]
    lows: tuple[float, ...] = ()
    highs: tuple[float, ...] = ()
    origin: Origin = "ours"
    group: str = ""
    is_joined: bool = True
    has_markers: bool = True

    @classmethod
    def of(
        cls,
        label: str,
        xs: Sequence[float],
        intervals: Sequence[Interval],
        *,
        is_joined: bool = True,
    ) -> Series:
        """Return our estimates with their confidence intervals."""
        estimates, lows, highs = zip(*intervals, strict=True) if intervals else ((), (), ())
        return cls(label, tuple(xs), estimates, lows, highs, is_joined=is_joined)


@dataclass(frozen=True, slots=True)
class Chart:
    """Series over a common pair of axes.

    Attributes
    ----------
    x_ticks
        Labels at given places, for values of x that are not numbers; empty for numbers.
    x_form, y_form
        Formats of the numbers at the axes: `PERCENT`, or as for `format`.
    """

    title: str
    x_label: str
    y_label: str
    series: tuple[Series, ...]
    x_ticks: tuple[tuple[float, str], ...] = ()
    x_form: str = "g"
    y_form: str = "g"
    is_x_log: bool = False
    is_y_log: bool = False


@dataclass(frozen=True, slots=True)
class Matrix:
    """Numbers in rows and columns, coloured by their size.

    Attributes
    ----------
    values_RC
        Numbers by row; None where there is none.
    form
        Format of the numbers, as for `format`.
    """

    title: str
    row_labels: tuple[str, ...]
    column_labels: tuple[str, ...]
    values_RC: tuple[tuple[float | None, ...], ...]
    form: str = "g"


@dataclass(frozen=True, slots=True, eq=False)
class Tiles:
    """Small grey images in rows and columns, with a line of text under each.

    Attributes
    ----------
    tiles_RC
        Images (H, W) from 0, black, to 1, white; None where there is none.
    captions_RC
        Text under each image.
    """

    title: str
    row_labels: tuple[str, ...]
    column_labels: tuple[str, ...]
    tiles_RC: tuple[tuple[NDArray[np.floating] | None, ...], ...]
    captions_RC: tuple[tuple[str, ...], ...]


Figure: TypeAlias = Chart | Matrix | Tiles
