"""Limits the memory that a weight file may claim, before any is allocated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snip_gui.core.base.text import size_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# Limits on the expanded size of all tensors: as a multiple of the file size, and for small files.
_MOST_TIMES, _ALWAYS_BYTES = 2000, 256 * 1024**2
MOST_SIDES = 64
"""Largest number of dimensions of a tensor, as in torch."""


def claimed_bytes(shape: Sequence[int], item_bytes: int) -> int:
    """Return the bytes of a tensor; a side of 0 counts as 1, so that it does not hide others."""
    if len(shape) > MOST_SIDES or any(side < 0 for side in shape):
        raise ValueError("it holds a tensor of an impossible shape")
    claimed = item_bytes
    for side in shape:
        claimed *= max(side, 1)
    return claimed


def refuse_claims(claims: Iterable[int], file_bytes: int, free_bytes: int) -> None:
    """Raise `ValueError` if the tensors of a file need too much memory in total.

    Parameters
    ----------
    claims
        Size of each tensor once expanded, in bytes.
    file_bytes
        Size of the file.
    free_bytes
        Memory that may be allocated.
    """
    claimed = sum(claims)
    if claimed > max(_ALWAYS_BYTES, _MOST_TIMES * file_bytes):
        raise ValueError("it claims to hold more than fits in it")
    if claimed > free_bytes:
        raise ValueError(
            f"its tensors need {size_text(claimed)} of memory, and {size_text(free_bytes)} are free"
        )
