"""A cache of scores, so that going back to an earlier recipe is free."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from snip_gui.core.base.environment import Environment
    from snip_gui.core.pruning.scored import Scored

# About two hundred scorings of a LeNet, or three of a VGG.
_KEPT_BYTES = 1_200_000_000


class ScoreCache:
    """Keeps the latest scores that fit, at least one."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, str, str, int], Scored] = OrderedDict()

    def keep(self, scored: Scored, environment: Environment) -> None:
        """Add scores; drop the least recently used."""
        self._known[_key(scored.key, scored.images_digest, environment)] = scored
        kept_bytes = sum(known.num_bytes for known in self._known.values())
        while len(self._known) > 1 and kept_bytes > _KEPT_BYTES:
            kept_bytes -= self._known.popitem(last=False)[1].num_bytes

    def find(self, key: str, digest: str, environment: Environment) -> Scored | None:
        """Return the scores of a recipe and images, both given by digest; None if unknown."""
        found = self._known.get(_key(key, digest, environment))
        if found is not None:
            self._known.move_to_end(_key(key, digest, environment))
        return found


def _key(key: str, digest: str, environment: Environment) -> tuple[str, str, str, int]:
    """Return the key; scores differ in the last bit between devices and thread counts."""
    return key, digest, environment.device, environment.num_threads
