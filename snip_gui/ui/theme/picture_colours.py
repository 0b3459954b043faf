"""Colour tables of pictures in a theme."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snip_gui.core.views.mask_difference import diverging_table, relation_table
from snip_gui.core.views.picture import colour_table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from snip_gui.core.views.picture import Picture
    from snip_gui.ui.theme.theme import Colours

_DARK = (24, 28, 36)  # behind viridis, which ends in a light yellow, in both themes


def make_colour_table(picture: Picture, colours: Colours) -> NDArray[np.uint8]:
    """Return the (256, 3) colour table of a picture."""
    nothing, neither = colours.rgb("nothing"), colours.rgb("removed")
    only_a, only_b = colours.rgb("only_a"), colours.rgb("only_b")
    match picture.palette:
        case "relation":
            both = colours.rgb("both")
            return relation_table(
                nothing=nothing, neither=neither, both=both, only_a=only_a, only_b=only_b
            )
        case "diverging":
            return diverging_table(nothing=nothing, neutral=neither, only_a=only_a, only_b=only_b)
        case "viridis":
            nothing = _DARK
        case "grey" | "glow":
            nothing = (0, 0, 0)
    return colour_table(picture.palette, nothing=nothing, removed=neither, kept=colours.rgb("kept"))
