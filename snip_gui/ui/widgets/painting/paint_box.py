"""A view box in which the left mouse button paints, once a tool is chosen, instead of panning."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import pyqtgraph as pg
from PySide6.QtCore import Qt, Signal

Tool: TypeAlias = Literal["", "brush", "rectangle"]


class PaintBox(pg.ViewBox):  # type: ignore[misc]
    """A view box with a tool.

    Signals
    -------
    stroked
        Points (QPointF) in coordinates of the view where a drag began, where the pointer was before
        and where it is now; and whether the drag has ended.
    """

    stroked = Signal(object, object, object, bool)

    def __init__(self, **options: object) -> None:
        super().__init__(**options)
        self.tool: Tool = ""

    def mouseDragEvent(self, drag: Any, axis: int | None = None) -> None:  # noqa: ANN401 - pyqtgraph has no types
        """Paint with the left button if there is a tool; otherwise pan or zoom."""
        if not self.tool or drag.button() != Qt.MouseButton.LeftButton:
            super().mouseDragEvent(drag, axis)
            return
        drag.accept()
        points = (drag.buttonDownPos(), drag.lastPos(), drag.pos())
        self.stroked.emit(*map(self.mapToView, points), drag.isFinish())
