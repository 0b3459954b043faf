"""A limit to the time that studies take, and how long one will probably take."""

from __future__ import annotations

import math
import re
import time
from typing import TYPE_CHECKING

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.errors import Cancelled, UserError
from snip_gui.core.base.text import duration_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from snip_gui.core.runs.listing import RunEntry
    from snip_gui.core.studies.running import RunWork

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
        return Budget(self, self.seconds_left / number)

    @property
    def seconds_left(self) -> float:
        """The time left; negative when it is over."""
        return self._end - time.monotonic()

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


def forecast(runs: Sequence[RunWork], earlier: Iterable[RunEntry], seconds: float) -> str:
    """Return in a sentence how much there is to train, and what a budget leaves out of it.

    Empty if every run is done. The time is that of the newest earlier run of the same network and
    data set, which trains as long per epoch, for runs one after another.

    Parameters
    ----------
    seconds
        The budget; infinite for none.
    """
    by_folder = {run.folder: run.recipe for run in runs if not run.is_done()}
    if not by_folder:
        return ""
    recipes = list(by_folder.values())
    epochs = sum(recipe.num_epochs for recipe in recipes)
    verb = "is" if len(recipes) == 1 else "are"
    text = f"{len(recipes):,} of {len({run.folder for run in runs}):,} runs {verb} to be trained"
    rates: dict[tuple[str, str], float] = {}
    for entry in earlier:
        if entry.recipe is not None and entry.epochs_done >= 1:
            kind = (entry.recipe.model.name, entry.recipe.data.name)
            rates.setdefault(kind, entry.seconds / entry.epochs_done)
    kinds = [(recipe.model.name, recipe.data.name) for recipe in recipes]
    if any(kind not in rates for kind in kinds):
        return f"{text}, {epochs:,} epochs in all. The first of them will show how long that takes."
    times = [rates[kind] * r.num_epochs for kind, r in zip(kinds, recipes, strict=True)]
    text = f"{text}: about {duration_text(sum(times))} if one after another."
    if sum(times) > seconds:
        left_out = sum(math.fsum(times[: n + 1]) > seconds for n in range(len(times)))
        text += f" The budget of {duration_text(seconds)} leaves out about {left_out:,} of them."
    return text
