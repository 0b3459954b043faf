"""A limit to the time that studies take."""

from __future__ import annotations

import re
import time

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.errors import Cancelled, UserError

_UNITS = {"s": 1, "min": 60, "h": 3600, "d": 86_400}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(s|min|h|d)")


def parse_duration(text: str) -> float:
    """Return the seconds of a duration such as ``90s``, ``30min``, ``1.5h`` or ``2d``.

    Raises
    ------
    UserError
        If it is none, or zero.
    """
    found = _DURATION.fullmatch(text.strip().lower())
    seconds = float(found[1]) * _UNITS[found[2]] if found else 0.0
    if not seconds:
        raise UserError(f"“{text}” is not a duration.", "Write, for example, 90s, 30min or 2h.")
    return seconds


class Budget(CancelToken):
    """Cancels when another token does, or when the time is over.

    Parameters
    ----------
    seconds
        The time from now on; infinite for no limit.
    """

    def __init__(self, cancel: CancelToken, seconds: float) -> None:
        super().__init__()
        self._cancel = cancel
        self._end = time.monotonic() + seconds

    def share(self, number: int) -> Budget:
        """Return a budget of an equal share of the time left, for the first of several studies."""
        return Budget(self, (self._end - time.monotonic()) / number)

    @property
    def is_over(self) -> bool:
        """Whether the time is over."""
        return time.monotonic() >= self._end

    @property
    def is_cancelled(self) -> bool:
        """Whether the time is over, or either token was cancelled."""
        return super().is_cancelled or self._cancel.is_cancelled or self.is_over

    def raise_if_cancelled(self) -> None:
        """Raise `Cancelled` if the time is over, or either token was cancelled."""
        if self.is_cancelled:
            raise Cancelled
