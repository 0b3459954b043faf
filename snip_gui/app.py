"""Composition root of the window: the one place that wires state, jobs and widgets together."""

from __future__ import annotations

import gc
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from snip_gui.preflight import find_obstacle

if TYPE_CHECKING:
    from types import TracebackType

    from snip_gui.core.recipe.recipe import Recipe
    from snip_gui.session.controller import Controller
    from snip_gui.session.jobs.host import JobHost
    from snip_gui.ui.window.main_window import MainWindow

_SESSION = "session.json"
_PREFERENCES = "preferences.json"
_RECENTS = "recent-recipes.json"
_GEOMETRY = "window.ini"
_QUEUE = "queue.json"


@dataclass
class Application:
    """The window with what it holds on to."""

    window: MainWindow
    controller: Controller
    host: JobHost
    config_folder: Path

    def close(self) -> None:
        """Keep the session for the next start, stop all work and wait for it, bounded."""
        from snip_gui.core.base.errors import UserError
        from snip_gui.core.base.files import write_text
        from snip_gui.core.recipe.json import encode_recipe
        from snip_gui.session.state.preferences import save_preferences

        state = self.controller.state
        try:
            write_text(self.config_folder / _SESSION, encode_recipe(state.recipe))
            save_preferences(self.config_folder / _PREFERENCES, state.preferences)
        except UserError as error:
            sys.stderr.write(f"snip-gui: {error}\n")
        self.host.shutdown()


def create_window(config_folder: Path) -> Application:
    """Build the window; a `QApplication` must exist. Nothing runs until the controller starts.

    Parameters
    ----------
    config_folder
        Where preferences, the last session and the layout are kept.
    """
    from PySide6.QtCore import QSettings

    from snip_gui.session.controller import Controller
    from snip_gui.session.jobs.host import JobHost
    from snip_gui.session.state.notices import Notice
    from snip_gui.session.state.preferences import load_preferences
    from snip_gui.session.state.recents import Recents
    from snip_gui.session.state.session_state import SessionState
    from snip_gui.ui.theme.theme import Themes
    from snip_gui.ui.window.end_notice import EndNotice
    from snip_gui.ui.window.main_window import MainWindow

    preferences, dropped = load_preferences(config_folder / _PREFERENCES)
    recipe, complaint = _last_recipe(config_folder / _SESSION)
    state = SessionState(recipe, preferences)
    host = JobHost()
    controller = Controller(state, host, Recents(config_folder / _RECENTS))
    themes = Themes()
    themes.apply(preferences.theme)
    settings = QSettings(str(config_folder / _GEOMETRY), QSettings.Format.IniFormat)
    window = MainWindow(controller, themes, settings)
    EndNotice(controller, window)
    for sentence in (*dropped, complaint):
        if sentence:
            state.notices.add(Notice("problem", sentence))
    controller.queue.keep_in(config_folder / _QUEUE)
    application = Application(window, controller, host, config_folder)
    window.closed.connect(application.close)
    return application


def _last_recipe(path: Path) -> tuple[Recipe, str]:
    """Return the recipe of the last session, or the first one, and what was wrong."""
    from snip_gui.core.base.errors import UserError
    from snip_gui.core.base.resources import resource
    from snip_gui.core.recipe.json import load_recipe

    complaint = ""
    if path.exists():
        try:
            return load_recipe(path), ""
        except UserError as error:
            complaint = f"The last session could not be brought back. {error}"
    return load_recipe(resource("recipes", "eights.json")), complaint


def main() -> int:
    """Open the window and return the exit status."""
    obstacle = find_obstacle()
    if obstacle:
        sys.stderr.write(f"snip-gui: {obstacle}\n")
        return 1
    import platformdirs
    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QApplication

    app = QApplication(sys.argv[:1])
    app.setApplicationName("snip-gui")
    app.setApplicationDisplayName("SNIP explorer")
    collector = _collect_in_gui_thread()
    application = create_window(Path(platformdirs.user_config_dir("snip-gui", appauthor=False)))
    _install_hook(application)
    application.window.show()
    # Once the window stands, not before: torch takes seconds to load.
    QTimer.singleShot(0, application.window, application.controller.start)
    status = app.exec()
    del collector
    return status


def _collect_in_gui_thread() -> object:
    """Let Python's cycle collector run in this thread only.

    It runs in whichever thread crosses its threshold, mostly the training loop, and would destroy
    widgets there.
    """
    from pyqtgraph.util.garbage_collector import GarbageCollector

    gc.disable()
    return GarbageCollector(interval=1.0)


def _install_hook(application: Application) -> None:
    """Show what nothing else caught, and go on."""

    def show(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        from snip_gui.session.state.notices import Notice

        if issubclass(kind, KeyboardInterrupt):
            application.window.close()
            return
        details = "".join(traceback.format_exception(kind, error, trace))
        sys.stderr.write(details)
        notice = Notice("failure", f"{kind.__name__}: {error}", details=details)
        application.controller.state.notices.add(notice)
        application.controller.failed.emit(notice)

    sys.excepthook = show
