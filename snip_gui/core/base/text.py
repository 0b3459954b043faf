"""Human-readable numbers and times, and text of unknown origin made safe to show."""

from __future__ import annotations

import datetime
import math
import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def short_count(number: int) -> str:
    """Return a count with at most three digits and a letter for its size: ``430 k``."""
    return _scaled(number, ("", " k", " M", " G", " T"))


def narrow_count(number: int) -> str:
    """Return a count for a narrow column: exact below 100,000, then with three digits."""
    return f"{number:,}" if number < 100_000 else short_count(number)


def size_text(number: int) -> str:
    """Return a number of bytes with three digits and a decimal unit: ``36.9 MB``."""
    return _scaled(number, (" bytes", " kB", " MB", " GB", " TB"))


def duration_text(seconds: float) -> str:
    """Format a duration in suitable units."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def is_utf8(text: str) -> bool:
    """Return whether text can be encoded, which names of files with stray bytes cannot be."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def sparsity_text(sparsity: float) -> str:
    """Return a sparsity in percent, with as many decimals as are significant.

    Up to two decimals, or as many as give three digits of the percentage kept; trailing zeros are
    dropped: ``90%``, ``33.33%``, ``99.953%``.
    """
    kept = 100 * (1 - sparsity)
    decimals = max(2, 2 - math.floor(math.log10(kept))) if kept > 0 else 2
    return f"{100 * sparsity:.{decimals}f}".rstrip("0").rstrip(".") + "%"


def time_text(milliseconds: float) -> str:
    """Return a time with three digits: ``0.123 ms``, ``1.23 s``."""
    return _scaled(milliseconds, (" ms", " s"))


def listed(names: Sequence[str], most: int = 5) -> str:
    """Return quoted names as an enumeration of at most `most` items: ``“a”, “b” and 7 more``."""
    quoted = [f"“{name}”" for name in names]
    if len(quoted) > most:
        quoted = [*quoted[: most - 1], f"{len(quoted) - most + 1:,} more"]
    return " and ".join(filter(None, (", ".join(quoted[:-1]), quoted[-1])))


def natural_key(name: str) -> tuple[tuple[int, str], ...]:
    """Return a key that sorts names as people do: ``2`` before ``10``, ``b2`` before ``b10``."""
    parts = re.split(r"(\d+)", name)
    return tuple(
        (int(part), "") if place % 2 else (-1, part.casefold()) for place, part in enumerate(parts)
    )


def natural_order(names: Sequence[str]) -> list[int]:
    """Return the positions of names in natural order."""
    return sorted(range(len(names)), key=lambda position: natural_key(names[position]))


def to_local(moment: datetime.datetime) -> datetime.datetime:
    """Return a time in the local time zone; in UTC if the system's time zone is invalid."""
    try:
        return moment.astimezone()
    except (ValueError, OverflowError, OSError):  # which one depends on the system: TZ=XXX+99
        return moment.astimezone(datetime.UTC)


def _scaled(value: float, units: tuple[str, ...]) -> str:
    """Return a value with three digits; each unit is 1000 times the one before."""
    for unit in units[:-1]:
        if value < 999.5:
            return f"{value:.3g}{unit}"
        value /= 1000
    return f"{value:.3g}{units[-1]}"


# Zero-width joiners, which only shape letters and emoji.
_JOINERS = "\u200c\u200d"
_UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")


def to_visible(text: str) -> str:
    """Return text on one line, with every invisible character escaped.

    Names in other people's files and recipes may contain control characters that move a terminal's
    cursor, clear its screen or set its title, and marks that reverse the direction of what follows.
    """
    one_line = " ".join(text.splitlines()).replace("\t", " ")
    if one_line.isprintable():
        return one_line
    return "".join(_escaped(sign) if _is_unseen(sign) else sign for sign in one_line)


def _is_unseen(sign: str) -> bool:
    return unicodedata.category(sign) in _UNSEEN and sign not in _JOINERS


def _escaped(sign: str) -> str:
    return sign.encode("unicode_escape").decode("ascii")
