"""What stays connected under the current mask, computed once for all views."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

if TYPE_CHECKING:
    from collections.abc import Callable

    from snip_gui.core.graph.wiring import Reach
    from snip_gui.core.pruning.scored import Scored


class PathState(QObject):
    """The paths through the kept connections, cached for one mask.

    Parameters
    ----------
    get_mask
        Returns the shown scores and the number of kept connections.
    """

    changed = Signal()  # the result of a background job arrived

    def __init__(
        self, get_mask: Callable[[], tuple[Scored | None, int]], parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._get_mask = get_mask
        self._known: tuple[Scored, int, Reach | None, dict[str, int]] | None = None

    def reach(self) -> Reach | None:
        """Return what stays connected under the mask; None if unknown (yet)."""
        return self._follow()[0]

    def num_on_paths(self) -> dict[str, int]:
        """Return by layer how many kept connections are on a path; empty if unknown (yet)."""
        return self._follow()[1]

    def set_followed(
        self, scored: Scored, num_kept: int, reach: Reach | None, on_paths: dict[str, int]
    ) -> None:
        """Store the result of a background job."""
        self._known = scored, num_kept, reach, on_paths
        self.changed.emit()

    def _follow(self) -> tuple[Reach | None, dict[str, int]]:
        """Follow the kept connections, unless that is slow and left to a background job."""
        scored, num_kept = self._get_mask()
        if self._known is not None and self._known[:2] == (scored, num_kept):
            return self._known[2:]
        if scored is None or scored.is_slow_to_follow:
            return None, {}
        self._known = scored, num_kept, *scored.followed(num_kept)
        return self._known[2:]
