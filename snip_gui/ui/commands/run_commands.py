"""Commands on runs: dialogs, files and the clipboard."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QUrl, Slot
from PySide6.QtGui import QDesktopServices, QGuiApplication

from snip_gui.core.engine.processes import default_num_processes
from snip_gui.core.reports.tables import differences, runs_table
from snip_gui.core.reports.text_tables import FORMATS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from PySide6.QtWidgets import QDialog, QWidget

    from snip_gui.core.recipe.recipe import Recipe
    from snip_gui.core.runs.listing import RunEntry
    from snip_gui.session.controller import Controller


class RunCommands(QObject):
    """Commands on runs chosen in a list."""

    def __init__(self, controller: Controller, parent: QWidget) -> None:
        super().__init__(parent)
        self._controller, self._parent = controller, parent

    def open_recipe(self, entry: RunEntry) -> None:
        """Make a run's recipe the current one."""
        recipe = self._controller.runs.take_recipe(entry)
        if recipe is not None:
            self._controller.edit(recipe, f"Recipe of {entry.name}")
            self._controller.state.notices.info(f"Opened the recipe of {entry.name}.")
            self._controller.told.emit(f"Opened the recipe of {entry.name}")

    def show_folder(self, entry: RunEntry) -> None:
        """Show the run's folder in the system's file manager."""
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(entry.folder)))

    def export(self, entry: RunEntry) -> None:
        """Offer the formats for the run's pruned network."""
        from snip_gui.ui.dialogs.files.export_dialog import ExportDialog

        self._controller.exporter.choose(entry.folder)
        self._open(ExportDialog(self._controller, self._parent.window()))

    def share(self, entry: RunEntry) -> None:
        """Ask for a file name and write a run to it."""
        from snip_gui.ui.commands.sharing_commands import ask_bundle

        ask_bundle(self._controller, entry.folder, self._parent.window())

    def slim(self, entries: Sequence[RunEntry]) -> None:
        """Offer the parts of runs that can be removed to free disk space."""
        from snip_gui.ui.dialogs.runs.slim_dialog import SlimDialog

        self._open(SlimDialog(self._controller.runs.slimmer, entries, self._parent.window()))

    def extend(self, entry: RunEntry) -> None:
        """Ask by how many epochs to extend a finished run, and extend it."""
        if entry.recipe is not None:
            ask_extension(self._controller, entry.folder, entry.recipe, self._parent.window())

    def show_mistakes(self, entry: RunEntry) -> None:
        """Show the images that a run misclassifies."""
        if entry.recipe is not None:
            show_mistakes(self._controller, entry.folder, entry.recipe, self._parent.window())

    def copy(self, entries: Sequence[RunEntry], form: str) -> None:
        """Copy a table of runs as CSV, Markdown or LaTeX."""
        QGuiApplication.clipboard().setText(FORMATS[form](runs_table(entries)))
        number = f"{len(entries)} {'run' if len(entries) == 1 else 'runs'}"
        self._controller.state.notices.info(f"Copied a table of {number} as {form}.")

    def show_differences(self, entries: Sequence[RunEntry]) -> None:
        """Show the differences between the recipes of runs."""
        named = [(entry.name, entry.recipe) for entry in entries if entry.recipe is not None]
        empty = "Their recipes are identical."
        from snip_gui.ui.dialogs.runs.table_dialog import TableDialog

        self._open(TableDialog("Differences", differences(named), empty, self._parent.window()))

    @Slot()
    def ask_sweep(self) -> None:
        """Ask for sparsities and seeds, and train all combinations."""
        state = self._controller.state
        title = f"{state.network.info.title} on {state.dataset_title}"
        from snip_gui.ui.dialogs.runs.sweep_dialog import SweepDialog

        at_once = state.preferences.num_at_once or default_num_processes(spare=1)
        cluster = state.preferences.dask_address or "(no address)"
        cluster = cluster if state.preferences.executor == "dask" else ""
        dialog = SweepDialog(state.recipe, title, at_once, self._parent.window(), cluster=cluster)
        dialog.requested.connect(self._on_sweep)
        self._open(dialog)

    @Slot(object, int)
    def _on_sweep(self, recipes: tuple[Recipe, ...], num_at_once: int) -> None:
        controller = self._controller
        uses_cluster = controller.state.preferences.executor == "dask"
        if not uses_cluster and num_at_once != default_num_processes(spare=1):
            controller.prefer(num_at_once=num_at_once)
        if num_at_once == 1 and not uses_cluster:
            controller.training_start.sweep(recipes)
        else:
            start = partial(controller.background.start, number=num_at_once)
            controller.training_start.start(start, recipes)

    def _open(self, dialog: QDialog) -> None:
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()


def ask_extension(controller: Controller, folder: Path, recipe: Recipe, parent: QWidget) -> None:
    """Ask by how many epochs to extend a finished run, and extend it."""
    from snip_gui.ui.dialogs.runs.extend_dialog import ExtendDialog

    dialog = ExtendDialog(controller.runs.name_of(folder), recipe, parent)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.requested.connect(partial(controller.trainings.extend, folder))
    dialog.open()


def show_mistakes(controller: Controller, folder: Path, recipe: Recipe, parent: QWidget) -> None:
    """Show the images that a run misclassifies, in a non-modal dialog."""
    from snip_gui.ui.dialogs.runs.mistakes_dialog import MistakesDialog

    name = controller.runs.name_of(folder)
    dialog = MistakesDialog(controller.mistakes, folder, name, recipe, parent)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.show()
