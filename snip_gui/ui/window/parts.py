"""The parts of the window that its commands and the first look show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PySide6.QtWidgets import QDockWidget, QTabWidget

    from snip_gui.ui.heatmap.heatmap_panel import HeatmapPanel
    from snip_gui.ui.panels.images_panel import ImagesPanel
    from snip_gui.ui.window.lazy_panels import LazyPanels


@dataclass(frozen=True, slots=True, eq=False)
class WindowParts:
    """Parts of the window.

    Attributes
    ----------
    centre
        The tabs in the middle, of which ``heatmap`` and ``images`` are two.
    docks
        By the names of their panels.
    """

    centre: QTabWidget
    docks: Mapping[str, QDockWidget]
    heatmap: HeatmapPanel
    images: ImagesPanel
    lazy: LazyPanels
