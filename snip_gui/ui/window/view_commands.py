"""Commands that change only what is shown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QFileDialog

from snip_gui.ui.widgets.sparsity_control import played_sparsities
from snip_gui.ui.window.actions import shortcuts_page

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from snip_gui.session.controller import Controller
    from snip_gui.ui.panels.manual_panel import ManualPanel
    from snip_gui.ui.panels.preferences_panel import PreferencesPanel
    from snip_gui.ui.window.arranging.presentation import Presentation
    from snip_gui.ui.window.first_look import FirstLookOffer
    from snip_gui.ui.window.parts import WindowParts
    from snip_gui.ui.window.tour import Tour


_ENDINGS = {".gif": "Animated GIF", ".png": "Animated PNG"}
_FRAMES = 101  # eight seconds, as the slider plays


class ViewCommands(QObject):
    """One method for each action in the View and Help menus that shows something."""

    def __init__(
        self,
        controller: Controller,
        parts: WindowParts,
        tour: Tour,
        presentation: Presentation,
        offer: FirstLookOffer,
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._controller, self._parts, self._tour, self._offer = controller, parts, tour, offer
        self._presentation = presentation
        self._manual: ManualPanel | None = None
        self._preferences: PreferencesPanel | None = None
        offer.requested.connect(self.first_look)
        offer.declined.connect(self.first_look_offered)

    @Slot()
    def save_animation(self) -> None:
        """Offer to save what the slider plays."""
        scored, window = self._controller.state.scored, self._parts.heatmap.window()
        if scored is None:
            return
        filters = [f"{title} (*{ending})" for ending, title in _ENDINGS.items()]
        name, chosen = QFileDialog.getSaveFileName(
            window, "Save animation", "sparsity.gif", ";;".join(filters)
        )
        if not name:
            return
        ending = list(_ENDINGS)[filters.index(chosen)] if chosen in filters else ".gif"
        path = Path(name) if Path(name).suffix.lower() in _ENDINGS else Path(name + ending)
        sparsities = played_sparsities(scored.layout.num_parameters, _FRAMES)
        self._controller.animator.save(self._parts.heatmap.animated_view(), sparsities, path)

    @Slot()
    def show_connections(self) -> None:
        """Show the heatmap."""
        self._parts.centre.setCurrentWidget(self._parts.heatmap)

    @Slot()
    def show_images(self) -> None:
        """Show the training images."""
        self._parts.centre.setCurrentWidget(self._parts.images)
        self._parts.images.grid.setFocus()

    @Slot()
    def show_network(self) -> None:
        """Show the network layer by layer."""
        self._parts.centre.setCurrentWidget(self._parts.lazy.network_page)

    @Slot()
    def show_grid(self) -> None:
        """Show input maps of several variants."""
        self._parts.centre.setCurrentWidget(self._parts.lazy.grid_page)

    @Slot()
    def show_systems(self) -> None:
        """Show pruning systems side by side."""
        self._parts.centre.setCurrentWidget(self._parts.lazy.systems_page)

    @Slot()
    def show_runs(self) -> None:
        """Show all runs."""
        self._parts.centre.setCurrentWidget(self._parts.lazy.runs_page)

    @Slot(object)
    def open_run(self, folder: Path) -> None:
        """Show a run among all runs, and make its recipe the current one."""
        self.show_runs()
        self._parts.lazy.runs.open_run(folder)

    @Slot()
    def show_answers(self) -> None:
        """Show what trained networks see in an image."""
        self._parts.centre.setCurrentWidget(self._parts.lazy.answers_page)

    @Slot()
    def show_flow(self) -> None:
        """Show the network from input to output."""
        self._parts.docks["flow"].show()
        self._parts.docks["flow"].raise_()

    @Slot(str)
    def enter_layer(self, layer: str) -> None:
        """Show the weights of a layer."""
        self.show_connections()
        self._parts.heatmap.select_layer(layer)

    @Slot()
    def live_scoring(self) -> None:
        """Score by itself after every change, or only when asked to."""
        is_live = self._controller.state.preferences.live_scoring
        self._controller.prefer(live_scoring=not is_live)

    @Slot()
    def reset_view(self) -> None:
        """Show the whole of every picture."""
        self._parts.heatmap.reset_view()

    @Slot()
    def manual(self) -> None:
        """Show the manual beside the pages of the centre."""
        centre = self._parts.centre
        if self._manual is None:
            from snip_gui.ui.panels.manual_panel import ManualPanel, manual_pages

            self._manual = ManualPanel(manual_pages(shortcuts_page()))
            centre.addTab(self._manual, "Manual")
        centre.setCurrentWidget(self._manual)
        self._manual.search.setFocus()

    @Slot()
    def preferences(self) -> None:
        """Show the preferences beside the pages of the centre."""
        centre = self._parts.centre
        if self._preferences is None:
            from snip_gui.ui.panels.preferences_panel import PreferencesPanel

            self._preferences = PreferencesPanel(self._controller)
            centre.addTab(self._preferences, "Preferences")
        centre.setCurrentWidget(self._preferences)

    @Slot()
    def presentation(self) -> None:
        """Show the current page alone, or bring the window back."""
        self._presentation.toggle()
        parts = self._parts
        if self._presentation.is_on and parts.centre.currentWidget() is parts.lazy.grid_page:
            parts.lazy.grid.start_empty()

    @Slot()
    def clear_selection(self) -> None:
        """End the guided tour or presentation if there is one, otherwise clear the selection."""
        if self._tour.number >= 0:
            self._tour.end()
        elif self._presentation.is_on:
            self._presentation.end()
        else:
            self._controller.selector.clear_selection()

    @Slot()
    def first_look(self) -> None:
        """Start the guided tour."""
        self.first_look_offered()
        self._tour.start()

    @Slot()
    def first_look_offered(self) -> None:
        """Do not offer the guided tour again."""
        self._controller.prefer(first_look_offered=True)
