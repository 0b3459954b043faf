"""Masks that were made elsewhere: settings and entry.

The entry is not in `METHODS`: these masks are opened from a file rather than chosen from a list.
"""

from __future__ import annotations

from snip_gui.core.recipe.pruning import Method, PruningSpec


class GivenMasks(PruningSpec, frozen=True, kw_only=True, tag="given"):
    """Keep the connections that a file of masks keeps.

    Attributes
    ----------
    file, file_digest
        Path of the file, and the SHA-256 of its contents.
    """

    file: str = ""
    file_digest: str = ""


GIVEN = Method(
    title="Opened masks",
    description="As a file of masks says, which was made elsewhere.",
    score_name="score",
    spec=GivenMasks,
    prune="snip_gui.core.methods.controls.given:prune",
)
