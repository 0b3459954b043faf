"""Commands that change what is seen, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

if TYPE_CHECKING:
    from snip_gui.ui.window.main_window import MainWindow


class ViewCommands(QObject):
    """One method for each action of the menus View and Help that shows something."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        window.first_look.wanted.connect(self.first_look)
        window.first_look.declined.connect(self.first_look_offered)

    @Slot()
    def show_connections(self) -> None:
        """Show the heatmap."""
        self._window.centre.setCurrentWidget(self._window.heatmap)

    @Slot()
    def show_images(self) -> None:
        """Show the training images."""
        self._window.centre.setCurrentWidget(self._window.images)
        self._window.images.grid.setFocus()

    @Slot()
    def show_network(self) -> None:
        """Show the network layer by layer."""
        self._window.centre.setCurrentWidget(self._window.lazy.network_page)

    @Slot()
    def show_grid(self) -> None:
        """Show input maps of several variants."""
        self._window.centre.setCurrentWidget(self._window.lazy.grid_page)

    @Slot()
    def show_flow(self) -> None:
        """Show the network from input to output."""
        self._window.docks["flow"].show()
        self._window.docks["flow"].raise_()

    @Slot(str)
    def enter_layer(self, layer: str) -> None:
        """Show the weights of a layer."""
        self.show_connections()
        self._window.heatmap.select_layer(layer)

    @Slot()
    def reset_view(self) -> None:
        """Show the whole of every picture."""
        self._window.heatmap.reset_view()

    @Slot()
    def let_go(self) -> None:
        """End the first look, or else let go of the selection."""
        if self._window.tour.number >= 0:
            self._window.tour.end()
        else:
            self._window.controller.selector.let_go()

    @Slot()
    def first_look(self) -> None:
        """Begin the first look."""
        self.first_look_offered()
        self._window.tour.start()

    @Slot()
    def first_look_offered(self) -> None:
        """Offer the first look no more."""
        self._window.first_look.hide()
        self._window.controller.prefer(first_look_offered=True)
