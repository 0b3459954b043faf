"""Buttons in the status bar that open and fold the panels below the picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QHBoxLayout, QToolButton, QWidget

from snip_gui.ui.widgets.naming import named

if TYPE_CHECKING:
    from collections.abc import Sequence

    from snip_gui.ui.window.docks import Docks


class PanelButtons(QWidget):
    """One button per panel, checked while the panel is in sight."""

    def __init__(self, docks: Docks, names: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        row = QHBoxLayout(self)
        row.setContentsMargins(6, 1, 0, 1)
        row.setSpacing(2)
        for name in names:
            dock = docks.by_name[name]
            title = dock.windowTitle()
            button = named(
                QToolButton(), f"open_{name}", title, f"Open the {title.lower()} panel, or fold it"
            )
            button.setText(title)
            button.setProperty("role", "compact")
            button.setCheckable(True)
            button.clicked.connect(lambda _checked, chosen=name: docks.toggle_below(chosen))
            dock.visibilityChanged.connect(button.setChecked)
            row.addWidget(button)
