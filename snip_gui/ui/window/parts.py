"""The parts of the window that commands and the guided tour refer to."""

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
        The tabs in the centre, which include ``heatmap`` and ``images``.
    docks
        Docks by name of their panel.
    """

    centre: QTabWidget
    docks: Mapping[str, QDockWidget]
    heatmap: HeatmapPanel
    images: ImagesPanel
    lazy: LazyPanels
