"""Commands that compare: pinning, leaving images out, and other draws."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Slot

if TYPE_CHECKING:
    from PySide6.QtGui import QAction
    from PySide6.QtWidgets import QTabWidget, QWidget

    from snip_gui.session.controller import Controller
    from snip_gui.ui.panels.compare_panel import ComparePanel
    from snip_gui.ui.widgets.image_grid import ImageGrid


class CompareCommands(QObject):
    """The commands, each showing the panel where its answer appears.

    Parameters
    ----------
    tray
        Where the images are selected that are to be left out.
    centre
        The tabs that the panel is one of.
    """

    def __init__(
        self,
        controller: Controller,
        panel: ComparePanel,
        tray: ImageGrid,
        centre: QTabWidget,
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._controller, self._panel, self._tray, self._centre = controller, panel, tray, centre
        controller.questions.compared.connect(self._on_compared)
        panel.without_asked.connect(self.score_without)

    def offer_in_tray(self, action: QAction) -> None:
        """Put an action into the context menu of the images."""
        self._tray.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        self._tray.addAction(action)

    @Slot()
    def pin(self) -> None:
        """Pin what is on screen."""
        self._controller.pins.pin_screen()

    @Slot()
    def score_without(self) -> None:
        """Score the minibatch without the selected images."""
        self._controller.questions.without(self._tray.selected_indices())

    @Slot()
    def stability(self) -> None:
        """Show where other draws are asked for."""
        self._centre.setCurrentWidget(self._panel)
        self._panel.choose_stability()

    @Slot()
    def show_compare(self) -> None:
        """Show two states."""
        self._centre.setCurrentWidget(self._panel)
        self._panel.choose_pair()

    @Slot()
    def _on_compared(self) -> None:
        self.show_compare()
