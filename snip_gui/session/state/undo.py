"""Undo and redo of recipe edits."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PySide6.QtGui import QUndoCommand

if TYPE_CHECKING:
    from collections.abc import Callable

    from snip_gui.core.recipe.recipe import Recipe

_MERGE_SECONDS = 1.0


class RecipeEdit(QUndoCommand):
    """An edit of the recipe.

    Edits with the same merge key in quick succession are a single undo step: dragging a slider is
    one edit, however many values it passes.
    """

    def __init__(
        self,
        text: str,
        before: Recipe,
        after: Recipe,
        apply: Callable[[Recipe], None],
        merge_key: str = "",
    ) -> None:
        super().__init__(text)
        self._before = before
        self._after = after
        self._apply = apply
        self._merge_key = merge_key
        self._last = time.monotonic()

    def id(self) -> int:
        """Return 1 for edits that may be merged, otherwise -1."""
        return 1 if self._merge_key else -1

    def mergeWith(self, other: QUndoCommand) -> bool:
        """Merge an edit of the same kind that follows shortly."""
        assert isinstance(other, RecipeEdit)
        if other._merge_key != self._merge_key or other._last - self._last > _MERGE_SECONDS:
            return False
        self._after = other._after
        self._last = other._last
        return True

    def redo(self) -> None:
        """Apply the edit."""
        self._apply(self._after)

    def undo(self) -> None:
        """Revert the edit."""
        self._apply(self._before)
