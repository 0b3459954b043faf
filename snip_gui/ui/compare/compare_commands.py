"""Commands for comparison: pinning, leaving out images, and stability over draws."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtWidgets import QFileDialog

from snip_gui.ui.widgets.lazy_page import LazyPage

if TYPE_CHECKING:
    from PySide6.QtGui import QAction
    from PySide6.QtWidgets import QTabWidget, QWidget

    from snip_gui.session.controller import Controller
    from snip_gui.ui.compare.compare_panel import ComparePanel
    from snip_gui.ui.theme.theme import Themes
    from snip_gui.ui.widgets.pictures.image_grid import ImageGrid

_PINS = "Pins (*.json)"


class CompareCommands(QObject):
    """The commands, each of which opens the panel that shows its result.

    Parameters
    ----------
    tray
        The tray in which images to leave out are selected.
    centre
        The tabs to which the panel is added.
    """

    study_asked = Signal(str)  # name of a study

    def __init__(
        self,
        controller: Controller,
        themes: Themes,
        tray: ImageGrid,
        centre: QTabWidget,
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._controller, self._themes = controller, themes
        self._tray, self._centre = tray, centre
        self.page: LazyPage[ComparePanel] = LazyPage(self._make_panel)
        controller.questions.compared.connect(self.show_compare)
        controller.studies.compared.connect(self.show_compare)
        controller.plans.compared.connect(self.show_compare)

    def _make_panel(self) -> ComparePanel:
        # Imported late: not needed before the window is shown.
        from snip_gui.ui.compare.compare_panel import ComparePanel

        panel = ComparePanel(self._controller.state, self._controller, self._themes)
        panel.without_asked.connect(self.score_without)
        panel.study_asked.connect(self.study_asked)
        return panel

    def offer_in_tray(self, action: QAction) -> None:
        """Add an action to the context menu of the tray."""
        self._tray.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        self._tray.addAction(action)

    @Slot()
    def pin(self) -> None:
        """Pin the current state."""
        pin = self._controller.pins.pin_screen()
        if pin is not None:
            self._controller.told.emit(f"Pinned “{pin.name}”; compare it under Compare")

    @Slot()
    def open_pins(self) -> None:
        """Ask for a file and add its pins."""
        name, _ = QFileDialog.getOpenFileName(self._centre, "Open pins", "", _PINS)
        if name:
            self._controller.kept_pins.open(Path(name))
            self.show_compare()

    @Slot()
    def save_pins(self) -> None:
        """Ask for a file name and save the pins."""
        name, _ = QFileDialog.getSaveFileName(self._centre, "Save pins", "pins.json", _PINS)
        if name:
            self._controller.kept_pins.save(Path(name))

    @Slot()
    def score_without(self) -> None:
        """Score the minibatch without the selected images."""
        self._controller.questions.without(self._tray.selected_indices())

    @Slot()
    def stability(self) -> None:
        """Show the stability view."""
        self._centre.setCurrentWidget(self.page)
        self.page.content.choose_stability()

    @Slot()
    def show_compare(self) -> None:
        """Show the comparison of two states."""
        self._centre.setCurrentWidget(self.page)
        self.page.content.choose_pair()
