"""The button with the tools that edit the mask, and the number of edits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu, QToolButton

from snip_gui.core.recipe.edits import DeadPixelsEdit
from snip_gui.ui.widgets.plain_text import plain_tip

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from snip_gui.core.recipe.edits import EditAction
    from snip_gui.session.choosing.mask_editor import MaskEditor
    from snip_gui.session.state.session_state import SessionState
    from snip_gui.ui.heatmap.edits_dialog import EditsDialog
    from snip_gui.ui.widgets.painting.paint_box import Tool

_TOOLS: tuple[tuple[str, str, Tool, EditAction], ...] = (
    ("select", "Select and move", "", "keep"),
    ("keep_brush", "Brush that keeps", "brush", "keep"),
    ("keep_rectangle", "Rectangle that keeps", "rectangle", "keep"),
    ("remove_brush", "Brush that removes", "brush", "remove"),
    ("remove_rectangle", "Rectangle that removes", "rectangle", "remove"),
)
_TIP = (
    "Keep or remove connections by hand, whatever their scores: with a brush, with a rectangle, or "
    "by a right-click in the picture"
)


class MaskTools(QToolButton):
    """A button that opens the menu of tools.

    Signals
    -------
    tool_changed
        Another tool was chosen.
    """

    tool_changed = Signal()

    def __init__(
        self, state: SessionState, masks: MaskEditor, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._state, self._masks = state, masks
        self._dialog: EditsDialog | None = None
        self.tool: Tool = ""
        self.action_of_tool: EditAction = "keep"
        self.setObjectName("mask_tools")
        self.setAccessibleName("Edit mask")
        self.setToolTip(plain_tip(_TIP))
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self)
        group = QActionGroup(self)
        self.actions_by_name: dict[str, QAction] = {}
        for name, title, _, _ in _TOOLS:
            action = menu.addAction(title)
            action.setCheckable(True)
            group.addAction(action)
            self.actions_by_name[name] = action
        menu.addSeparator()
        dead = menu.addAction("Remove connections of dead pixels")
        self._list = menu.addAction("List of edits…")
        self.actions_by_name |= {"dead_pixels": dead, "list": self._list}
        for name, action in self.actions_by_name.items():
            action.setObjectName(f"mask_tool_{name}")
        self.actions_by_name["select"].setChecked(True)
        self.setMenu(menu)
        group.triggered.connect(self._on_tool)
        dead.triggered.connect(self._on_dead)
        self._list.triggered.connect(self.show_list)
        menu.aboutToShow.connect(self._enable)
        state.recipe_changed.connect(self._show)
        self._show()

    @Slot(QAction)
    def _on_tool(self, chosen: QAction) -> None:
        for name, _, tool, action in _TOOLS:
            if self.actions_by_name[name] is chosen:
                self.tool, self.action_of_tool = tool, action
        self._show()
        self.tool_changed.emit()

    def choose(self, name: str) -> None:
        """Choose a tool by name."""
        self.actions_by_name[name].trigger()

    @Slot()
    def _on_dead(self) -> None:
        self._masks.add(DeadPixelsEdit(action="remove"))

    @Slot()
    def show_list(self) -> None:
        """Open the list of edits."""
        if self._dialog is None:
            # Imported late, because it is not shown at first.
            from snip_gui.ui.heatmap.edits_dialog import EditsDialog

            self._dialog = EditsDialog(self._state, self._masks, self)
        self._dialog.show()
        self._dialog.raise_()

    @Slot()
    def _enable(self) -> None:
        obstacle = self._masks.obstacle
        for name, action in self.actions_by_name.items():
            action.setEnabled(name in ("select", "list") or not obstacle)

    @Slot()
    def _show(self) -> None:
        number = len(self._masks.edits)
        text = {"": "Edit mask"}.get(self.tool, f"{self.tool} {self.action_of_tool}s".capitalize())
        self.setText(f"{text} ({number:,})" if number else text)
        self._list.setText(f"List of edits ({number:,})…" if number else "List of edits…")
