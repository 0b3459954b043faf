"""The offer to resume a run that was interrupted before this session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Slot

from snip_gui.ui.widgets.banner import Banner

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from snip_gui.session.controller import Controller


class OfferBanner(Banner):
    """Shown above the picture until it is answered or something else is trained."""

    def __init__(self, controller: Controller, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "offer")
        self._controller, self._runs = controller, controller.runs
        self.dismissed.connect(self._runs.dismiss_offer)
        self.action_asked.connect(self._on_continue)
        self._runs.offer_changed.connect(self._show_offer)
        self._show_offer()

    @Slot()
    def _show_offer(self) -> None:
        entry = self._runs.offer
        if entry is None:
            self.show_message("", "")
            return
        done = f"{entry.epochs_done:.3g} of {entry.epochs} epochs"
        text = f"The last training, {entry.name}, was interrupted after {done}."
        self.show_message(text, "It can resume from its last checkpoint.", "Continue")

    @Slot()
    def _on_continue(self) -> None:
        entry = self._runs.offer
        if entry is not None:
            self._controller.resume_run(entry.folder)
