"""Commands on files: recipes, exports, downloads, pictures, and copying code."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtGui import QColor, QGuiApplication
from PySide6.QtWidgets import QFileDialog, QMenu, QWidget

from snip_gui.core.data.sets.catalogue import DATASETS
from snip_gui.core.recipe.flags import flag_line
from snip_gui.core.recipe.methods import GIVEN
from snip_gui.core.recipe.recipe import Draw
from snip_gui.ui.commands.checkpoint_commands import CheckpointCommands
from snip_gui.ui.commands.opening import FileOpener
from snip_gui.ui.commands.sharing_commands import SharingCommands
from snip_gui.ui.widgets.plain_text import plain_name, plain_tip

if TYPE_CHECKING:
    from snip_gui.session.controller import Controller
    from snip_gui.ui.theme.theme import Themes

_RECIPES = "Recipes (*.json)"
_NEW_RECIPE = "new.recipe.json"  # an ending with which the program is associated


class FileCommands(QObject):
    """The commands, which ask for a file name if they need one."""

    message = Signal(str)  # message to show briefly

    def __init__(self, controller: Controller, themes: Themes, window: QWidget) -> None:
        super().__init__(window)
        self._themes = themes
        self._controller, self._state, self._window = controller, controller.state, window
        checkpoints = CheckpointCommands(controller, window)
        self.open_checkpoint = checkpoints.open_checkpoint
        self.opener = FileOpener(controller, checkpoints.inspect, window)
        self._sharing = SharingCommands(controller, window)
        self._sharing.message.connect(self.message)
        self.open_bundle, self.share = self._sharing.open_bundle, self._sharing.share
        self.recent_menu = QMenu("Open r&ecent", window)
        self.recent_menu.setObjectName("recent_menu")
        self.recent_menu.aboutToShow.connect(self.fill_recent)

    @Slot()
    def new_recipe(self) -> None:
        """Start again from the default recipe."""
        self._controller.recipes.new()

    @Slot()
    def open_recipe(self) -> None:
        """Ask for a recipe file and open it."""
        name, _ = QFileDialog.getOpenFileName(self._window, "Open recipe", "", _RECIPES)
        if name:
            self._controller.recipes.open(Path(name))

    @Slot()
    def save_recipe(self) -> None:
        """Ask for a file name and save the recipe."""
        name, _ = QFileDialog.getSaveFileName(self._window, "Save recipe", _NEW_RECIPE, _RECIPES)
        if name:
            self._controller.recipes.save(Path(name))

    @Slot()
    def fill_recent(self) -> None:
        """Fill the menu of recent recipes."""
        self.recent_menu.clear()
        for path in self._controller.recipes.recents.paths:
            action = self.recent_menu.addAction(plain_name(path.name))
            action.setToolTip(plain_tip(str(path)))
            action.triggered.connect(lambda _=False, p=path: self._controller.recipes.open(p))
        if self.recent_menu.isEmpty():
            self.recent_menu.addAction("No recipe opened or saved yet").setEnabled(False)

    @Slot()
    def save_run(self) -> None:
        """Save the current state as a run."""
        self._controller.save_run()

    @Slot()
    def export(self) -> None:
        """Open the export dialog for the current run, or for the current state."""
        from snip_gui.ui.dialogs.files.export_dialog import ExportDialog

        self._controller.exporter.choose()
        dialog = ExportDialog(self._controller, self._window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    @Slot()
    def save_picture(self) -> None:
        """Offer to save the pictures and charts on screen."""
        from snip_gui.ui.dialogs.files.figures import find_figures
        from snip_gui.ui.dialogs.files.picture_dialog import PictureDialog

        background = QColor(self._themes.colours.plot)
        dialog = PictureDialog(find_figures(self._window), background, self._window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.saved.connect(self._on_picture_saved)
        dialog.open()

    @Slot(object)
    def _on_picture_saved(self, path: Path) -> None:
        self._state.notices.info(f"Saved the picture to {path}.")
        self.message.emit(f"Saved {path.name}")

    @Slot()
    def copy_python(self) -> None:
        """Copy Python code that reproduces the current state."""
        from snip_gui.core.reports.python_lines import python_lines

        recipe = self._state.recipe
        needs_place = DATASETS[recipe.data.name].needs_folder
        place = self._state.preferences.data_place(recipe.data.name) if needs_place else ""
        QGuiApplication.clipboard().setText(python_lines(recipe, place))
        self.message.emit("Copied the Python code")

    @Slot()
    def copy_command(self) -> None:
        """Copy the command line that reproduces the current recipe."""
        recipe = self._state.recipe
        if isinstance(recipe.minibatch, Draw) and recipe.pruning.method != GIVEN.name:
            words = flag_line(recipe)
        else:
            name, _ = QFileDialog.getSaveFileName(
                self._window, "Save the recipe for the command", _NEW_RECIPE, _RECIPES
            )
            if not name:
                return
            self._controller.recipes.save(Path(name))
            words = ["--recipe", name]
        preferences = self._state.preferences
        place = preferences.data_place(recipe.data.name)
        if place and DATASETS[recipe.data.name].needs_folder:
            words += ["--data-dir", place]
        environment = preferences.environment
        words += ["--device", environment.device, "--threads", str(environment.num_threads)]
        if preferences.image_memory_gb is not None and DATASETS[recipe.data.name].has_files:
            words += ["--image-memory", f"{preferences.image_memory_gb:g}"]
        line = shlex.join(["snip-gui", "run", *words])
        QGuiApplication.clipboard().setText(line)
        self._state.notices.info(f"Copied: {line}")
        self.message.emit("Copied the command")
