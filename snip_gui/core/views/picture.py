"""Pictures as indices into a colour table, with their meaning.

Drawing an 8-bit indexed image is several times faster than drawing floats, and the same picture
serves the window and PNG files. Index 0 means that there is nothing; 1 to 255 span the value range.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Scale: TypeAlias = Literal["linear", "log"]
PaletteName: TypeAlias = Literal[
    "grey", "viridis", "mask", "density", "relation", "diverging", "glow"
]

_VIRIDIS = (  # nine equidistant colours of viridis (S. van der Walt, N. Smith; CC0)
    (68, 1, 84), (71, 45, 123), (59, 82, 139), (44, 114, 142), (33, 145, 140),
    (40, 174, 128), (94, 201, 98), (173, 220, 48), (253, 231, 37),
)  # fmt: skip

# For two masks: the strength of a block's colour is the fraction kept by either mask.
BOTH, ONLY_A, ONLY_B, NEITHER = 85, 169, 253, 1
_LEGENDS: dict[PaletteName, tuple[tuple[str, int], ...]] = {
    "mask": (("kept", 255), ("removed", 1)),
    "relation": (("both", BOTH), ("only A", ONLY_A), ("only B", ONLY_B), ("neither", NEITHER)),
}


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """Colour indices and their meaning.

    Attributes
    ----------
    index_HW
        uint8; 0 where there is nothing, otherwise 1 (lowest) to 255 (highest).
    low, high
        Values at indices 1 and 255; base-10 logarithms on a log scale.
    label
        Label of the colour bar.
    is_share
        Whether values on a linear scale are shown as percentages.
    """

    index_HW: NDArray[np.uint8]
    low: float
    high: float
    label: str
    palette: PaletteName = "viridis"
    scale: Scale = "linear"
    is_share: bool = True

    @property
    def legend(self) -> tuple[tuple[str, int], ...]:
        """Labels of single indices, if they are categories rather than amounts."""
        return _LEGENDS.get(self.palette, ())


def to_indices(values: NDArray[np.floating], low: float, high: float) -> NDArray[np.uint8]:
    """Map values from ``low`` to ``high`` to indices 1 to 255, with clipping."""
    # A narrower range has no interior in single precision.
    span = high - low if high - low > 1e-30 else 1.0
    scaled = (np.asarray(values, np.float32) - np.float32(low)) * np.float32(254 / span)
    return (scaled.clip(0, 254) + np.float32(1.5)).astype(np.uint8)


def colour_table(
    palette: PaletteName,
    *,
    nothing: tuple[int, int, int] = (0, 0, 0),
    removed: tuple[int, int, int] = (26, 32, 44),
    kept: tuple[int, int, int] = (255, 200, 87),
) -> NDArray[np.uint8]:
    """Return the (256, 3) colour table of a palette, for amounts or for kept and removed.

    Parameters
    ----------
    nothing
        Colour of index 0.
    removed, kept
        The ends of the ``mask`` and ``density`` palettes, which differ clearly in lightness.
    """
    anchors = {
        "grey": ((0, 0, 0), (255, 255, 255)),
        "viridis": _VIRIDIS,
        "mask": (removed, kept),
        "density": (removed, kept),
        "glow": ((0, 0, 0), kept),
    }[palette]
    table = np.empty((256, 3), np.uint8)
    where = np.linspace(0, 1, 255)
    stops = np.linspace(0, 1, len(anchors))
    for channel in range(3):
        values = [colour[channel] for colour in anchors]
        table[1:, channel] = np.rint(np.interp(where, stops, values))
    table[0] = nothing
    return table
