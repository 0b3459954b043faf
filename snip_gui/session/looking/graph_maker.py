"""Lays out the graph of a network in the background."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from snip_gui.core.views.graph.network_graph import GraphLaidOut
from snip_gui.session.jobs.lazily import lazily

if TYPE_CHECKING:
    from snip_gui.core.base.events import Event
    from snip_gui.core.models.architecture import Architecture
    from snip_gui.core.views.graph.network_graph import NetworkGraph
    from snip_gui.session.jobs.host import JobHost


class GraphMaker(QObject):
    """Caches the graph of the last network."""

    made = Signal()

    def __init__(self, host: JobHost, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._host = host
        self._asked: Architecture | None = None
        self._made: GraphLaidOut | None = None

    def find(self, architecture: Architecture) -> NetworkGraph | None:
        """Return the graph of a network; if there is none yet, `made` is emitted once there is."""
        if self._made is not None and self._made.architecture is architecture:
            return self._made.graph
        if self._asked is not architecture and not self._host.is_closed:
            self._asked = architecture
            job = lazily("snip_gui.core.views.graph.network_graph:lay_out", architecture)
            making = self._host.submit("graph", job, lane="io", short=True, background=True)
            making.happened.connect(self._on_event)
        return None

    @Slot(object)
    def _on_event(self, event: Event) -> None:
        if isinstance(event, GraphLaidOut):
            self._made = event
            self.made.emit()
