"""Panels that are created, and whose modules are imported, when first shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from snip_gui.ui.widgets.layouts.scrolled import Scrolled
from snip_gui.ui.widgets.lazy_page import LazyPage

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from snip_gui.session.controller import Controller
    from snip_gui.ui.compare.systems_panel import SystemsPanel
    from snip_gui.ui.panels.answers.panel import AnswersPanel
    from snip_gui.ui.panels.flow_panel import FlowPanel
    from snip_gui.ui.panels.grid_panel import GridPanel
    from snip_gui.ui.panels.network.panel import NetworkPanel
    from snip_gui.ui.panels.studies.panel import StudiesPanel
    from snip_gui.ui.runs.runs_page import RunsPage
    from snip_gui.ui.theme.theme import Themes


class LazyPanels(QObject):
    """The pages, which are in the window from the start, and the panels in them."""

    layer_chosen = Signal(str)
    run_chosen = Signal(object)  # Path

    def __init__(self, controller: Controller, themes: Themes, parent: QWidget) -> None:
        super().__init__(parent)
        self._controller, self._themes = controller, themes
        self.network_page: LazyPage[NetworkPanel] = LazyPage(self._make_network)
        self.grid_page: LazyPage[GridPanel] = LazyPage(self._make_grid)
        self.systems_page: LazyPage[SystemsPanel] = LazyPage(self._make_systems)
        self.studies_page: LazyPage[StudiesPanel] = LazyPage(self._make_studies)
        self.answers_page: LazyPage[Scrolled] = LazyPage(self._make_answers)
        self.flow_page: LazyPage[FlowPanel] = LazyPage(self._make_flow, by_show=False)
        self.runs_page: LazyPage[RunsPage] = LazyPage(self._make_runs)

    @property
    def network(self) -> NetworkPanel:
        """The network, layer by layer."""
        return self.network_page.content

    @property
    def grid(self) -> GridPanel:
        """Input maps of several variants."""
        return self.grid_page.content

    @property
    def systems(self) -> SystemsPanel:
        """Pruning systems side by side."""
        return self.systems_page.content

    @property
    def answers(self) -> AnswersPanel:
        """What trained networks see in an image."""
        panel: AnswersPanel = self.answers_page.content.widget()  # type: ignore[assignment]
        return panel

    @property
    def studies(self) -> StudiesPanel:
        """Questions that take many masks to answer."""
        return self.studies_page.content

    @property
    def flow(self) -> FlowPanel:
        """The whole network from input to output."""
        return self.flow_page.content

    @property
    def runs(self) -> RunsPage:
        """Every run in the runs folder."""
        return self.runs_page.content

    def _make_network(self) -> NetworkPanel:
        from snip_gui.ui.panels.network.panel import NetworkPanel

        panel = NetworkPanel(self._controller.state, self._controller.graphs, self._themes)
        panel.layer_selected.connect(self._controller.selector.select_layer)
        panel.layer_chosen.connect(self.layer_chosen)
        return panel

    def _make_grid(self) -> GridPanel:
        from snip_gui.ui.panels.grid_panel import GridPanel

        return GridPanel(self._controller.state, self._controller)

    def _make_systems(self) -> SystemsPanel:
        from snip_gui.ui.compare.systems_panel import SystemsPanel

        panel = SystemsPanel(self._controller, self._themes)
        panel.run_chosen.connect(self.run_chosen)
        return panel

    def _make_answers(self) -> Scrolled:
        from snip_gui.ui.panels.answers.panel import AnswersPanel

        return Scrolled(AnswersPanel(self._controller.recognition, self._themes))

    def _make_studies(self) -> StudiesPanel:
        from snip_gui.ui.panels.studies.panel import StudiesPanel

        return StudiesPanel(self._controller.state, self._controller, self._themes)

    def _make_flow(self) -> FlowPanel:
        from snip_gui.ui.panels.flow_panel import FlowPanel

        panel = FlowPanel(self._controller.state, self._themes)
        panel.layer_chosen.connect(self.layer_chosen)
        return panel

    def _make_runs(self) -> RunsPage:
        from snip_gui.ui.runs.runs_page import RunsPage

        return RunsPage(self._controller, self._themes)
