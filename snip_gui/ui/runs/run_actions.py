"""What can be done with selected runs, as actions of a menu."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot
from PySide6.QtGui import QAction, QKeySequence, Qt
from PySide6.QtWidgets import QMenu

from snip_gui.core.reports.text_tables import FORMATS

if TYPE_CHECKING:
    from collections.abc import Callable

    from snip_gui.core.runs.listing import RunEntry
    from snip_gui.session.controller import Controller
    from snip_gui.ui.commands.run_commands import RunCommands
    from snip_gui.ui.runs.run_table import RunTable


class RunActions(QObject):
    """The actions by name, and the menu that shows all of them."""

    def __init__(self, controller: Controller, commands: RunCommands, table: RunTable) -> None:
        super().__init__(table)
        self._controller, self._commands, self._table = controller, commands, table
        self.by_name = self._make()
        self.menu = QMenu(table)
        self.menu.setObjectName("runs_menu")
        for name, action in self.by_name.items():
            if name in ("rename", "delete"):
                self.menu.addSeparator()
            self.menu.addAction(action)

    def enable(self) -> None:
        """Enable the actions that the selected runs allow."""
        chosen, training = self._table.selected(), self._controller.state.training
        one = chosen[0] if len(chosen) == 1 else None
        is_free = training is None or not training.is_active
        enabled = {
            "continue": one is not None and one.can_continue and is_free,
            "extend": one is not None and one.state == "finished" and is_free,
            "mistakes": one is not None and one.recipe is not None and one.epochs_done > 0,
            "open_recipe": one is not None and one.recipe is not None,
            "show_folder": one is not None,
            "export": one is not None and one.recipe is not None and one.state != "scored",
            "share": one is not None and one.recipe is not None and one.state != "running",
            "rename": one is not None and one.state != "running",
            "note": one is not None,
            "queue": any(entry.recipe is not None for entry in chosen),
            "slim": bool(chosen) and all(entry.state != "running" for entry in chosen),
            "delete": bool(chosen) and all(entry.state != "running" for entry in chosen),
        }
        for name, is_enabled in enabled.items():
            self.by_name[name].setEnabled(is_enabled)

    def _make(self) -> dict[str, QAction]:
        one, many, commands = self._on_one, self._on_many, self._commands
        made: dict[str, QAction] = {}
        for name, text, key, work in (
            ("continue", "&Continue training", "", one(self._continue)),
            ("extend", "E&xtend…", "", one(commands.extend)),
            ("mistakes", "&Mistakes…", "", one(commands.show_mistakes)),
            ("open_recipe", "&Open recipe", "", one(commands.open_recipe)),
            ("show_folder", "Show &folder", "", one(commands.show_folder)),
            ("export", "&Export…", "", one(commands.export)),
            ("share", "Sha&re…", "", one(commands.share)),
            ("rename", "&Rename", "", lambda: self._table.edit_cell("name")),
            ("note", "&Note", "", lambda: self._table.edit_cell("note")),
            ("queue", "Queue &again", "", many(self._train_again)),
            ("slim", "Sli&m…", "", many(commands.slim)),
            ("delete", "&Delete", "Del", many(self._controller.runs.delete)),
        ):
            action = QAction(text, self)
            action.setObjectName(f"action_run_{name}")
            action.triggered.connect(work)
            if key:
                action.setShortcut(QKeySequence(key))
                action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
                self._table.addAction(action)
            made[name] = action
        for form in FORMATS:
            action = QAction(f"Copy as {form}", self)
            action.setObjectName(f"action_run_copy_{form.lower()}")
            action.setProperty("form", form)
            action.triggered.connect(self._on_copy)
            made[f"copy_{form.lower()}"] = action
        return made

    def _on_one(self, work: Callable[[RunEntry], None]) -> Callable[[], None]:
        def on_first() -> None:
            for entry in self._table.selected()[:1]:
                work(entry)

        return on_first

    def _on_many(self, work: Callable[[list[RunEntry]], None]) -> Callable[[], None]:
        return lambda: work(self._table.selected())

    def _continue(self, entry: RunEntry) -> None:
        self._controller.resume_run(entry.folder)

    def _train_again(self, entries: list[RunEntry]) -> None:
        taken = (self._controller.runs.take_recipe(entry) for entry in entries)
        recipes = [recipe for recipe in taken if recipe is not None]
        self._controller.queue.add(recipes, again=True)

    @Slot()
    def _on_copy(self) -> None:
        table, form = self._table, self.sender().property("form")
        self._commands.copy(table.selected() or table.shown(), form)
