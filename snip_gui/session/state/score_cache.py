"""A cache of scores, so that going back to an earlier recipe is free."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from snip_gui.core.base.environment import Environment
    from snip_gui.core.pruning.scored import Scored

# A dozen scorings of a LeNet.
_MANY_BYTES = 64_000_000
# Two of a VGG, so that one can go back and forth.
_TWO_BYTES = 1_200_000_000


class ScoreCache:
    """Keeps the latest scores.

    Parameters
    ----------
    many_bytes
        Memory of more than two scores.
    two_bytes
        Memory of two scores; if they take more, only the latest are kept.
    """

    def __init__(self, many_bytes: int = _MANY_BYTES, two_bytes: int = _TWO_BYTES) -> None:
        self._many_bytes, self._two_bytes = many_bytes, two_bytes
        self._known: OrderedDict[tuple[str, str, str, int], Scored] = OrderedDict()

    def keep(self, scored: Scored, environment: Environment) -> None:
        """Add scores; drop the least recently used."""
        self._known[_key(scored.key, scored.images_digest, environment)] = scored
        kept_bytes = sum(known.num_bytes for known in self._known.values())
        while self._is_full(len(self._known), kept_bytes):
            kept_bytes -= self._known.popitem(last=False)[1].num_bytes

    def _is_full(self, number: int, kept_bytes: int) -> bool:
        if number > 2:
            return kept_bytes > self._many_bytes
        return number == 2 and kept_bytes > self._two_bytes

    def find(self, key: str, digest: str, environment: Environment) -> Scored | None:
        """Return the scores of a recipe and images, both given by digest; None if unknown."""
        found = self._known.get(_key(key, digest, environment))
        if found is not None:
            self._known.move_to_end(_key(key, digest, environment))
        return found


def _key(key: str, digest: str, environment: Environment) -> tuple[str, str, str, int]:
    """Return the key; scores differ in the last bit between devices and thread counts."""
    return key, digest, environment.device, environment.num_threads
