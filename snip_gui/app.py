"""Composition root of the window: the one place that wires state, jobs and widgets together."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from snip_gui.core.plugins import plugin_problems
from snip_gui.preflight import find_obstacle

if TYPE_CHECKING:
    from types import TracebackType

    from snip_gui.core.recipe.recipe import Recipe
    from snip_gui.session.controller import Controller
    from snip_gui.session.jobs.host import JobHost
    from snip_gui.session.keeper import SessionKeeper
    from snip_gui.ui.window.main_window import MainWindow

_RECENTS = "recent-recipes.json"
_LAYOUT = "window.ini"
_QUEUE = "queue.json"
_PINS = "pins.json"
_PLANS = "plans.json"
# How long closing the window waits for a training run to write its checkpoint.
_CLOSE_MS = 60_000


@dataclass
class Application:
    """The window and the objects that live as long as it does.

    Attributes
    ----------
    is_closed
        Whether `close` has been called.
    has_ended
        Whether all work had stopped by the time `close` returned.
    """

    window: MainWindow
    controller: Controller
    host: JobHost
    keeper: SessionKeeper
    is_closed: bool = False
    has_ended: bool = True

    def close(self) -> None:
        """Stop all work, save the session for the next start, and wait for both with a timeout."""
        if self.is_closed:
            return
        self.is_closed = True
        keepers = (self.controller.kept_pins, self.controller.plans, self.keeper)
        # Every one of them, even if another fails.
        is_kept = sum(one.finish() for one in keepers) == len(keepers)
        self.has_ended = self.host.shutdown(_CLOSE_MS) and is_kept


def create_window(config_folder: Path) -> Application:
    """Build the window; a `QApplication` must exist. Nothing runs until the controller starts.

    Parameters
    ----------
    config_folder
        Folder of the preferences, the last session and the layout. The window opens whatever these
        files contain.
    """
    from snip_gui.session.controller import Controller
    from snip_gui.session.jobs.host import JobHost
    from snip_gui.session.keeper import PREFERENCES, SESSION, SessionKeeper
    from snip_gui.session.kept.recents import Recents
    from snip_gui.session.looking.live_scoring import LiveScoring
    from snip_gui.session.state.notices import Notice
    from snip_gui.session.state.preferences import load_preferences
    from snip_gui.session.state.session_state import SessionState
    from snip_gui.ui.theme.theme import Themes
    from snip_gui.ui.window.docks import open_layout
    from snip_gui.ui.window.main_window import MainWindow
    from snip_gui.ui.window.notices.edited_question import EditedQuestion
    from snip_gui.ui.window.notices.end_notice import EndNotice

    preferences, problems = load_preferences(config_folder / PREFERENCES)
    recipe, problem = _last_recipe(config_folder / SESSION)
    recents = Recents(config_folder / _RECENTS)
    layout, layout_problem = open_layout(config_folder / _LAYOUT)
    state = SessionState(recipe, preferences)
    keeper = SessionKeeper(state, config_folder)
    themes = Themes()
    themes.apply(preferences.theme)
    host = JobHost()
    with contextlib.ExitStack() as undo:
        # Qt aborts the process if it destroys a thread that is still running.
        undo.callback(host.shutdown)
        controller = Controller(state, host, recents)
        LiveScoring(state, host, controller.score, controller)
        window = MainWindow(controller, themes, layout)
        EndNotice(controller, window)
        EditedQuestion(controller, window)
        for sentence in (*problems, problem, recents.problem, layout_problem, *plugin_problems()):
            if sentence:
                state.notices.add(Notice("problem", sentence))
        controller.queue.keep_in(config_folder / _QUEUE)
        controller.plans.keep_in(config_folder / _PLANS)
        controller.kept_pins.keep_in(config_folder / _PINS)
        undo.pop_all()
    application = Application(window, controller, host, keeper)
    window.closed.connect(application.close)
    return application


def _last_recipe(path: Path) -> tuple[Recipe, str]:
    """Return the recipe of the last session, or the default one and why the last was unusable."""
    from snip_gui.core.base.resources import resource
    from snip_gui.core.recipe.json import decode_recipe, load_recipe
    from snip_gui.core.runs.recipe_files import refuse_unknown
    from snip_gui.session.kept.reading import read_kept

    def decode(data: bytes) -> Recipe:
        recipe = decode_recipe(data, where=f"“{path.name}”")
        refuse_unknown(recipe)
        return recipe

    recipe, problem = read_kept(path, decode)
    if recipe is not None:
        return recipe, ""
    complaint = f"The last session could not be restored. {problem}" if problem else ""
    return load_recipe(resource("recipes", "eights.json")), complaint


def main(file: str = "") -> int:
    """Open the window and return the exit status.

    Parameters
    ----------
    file
        A recipe, bundle or checkpoint to open in it; empty for none.
    """
    obstacle = find_obstacle()
    if obstacle:
        sys.stderr.write(f"snip-gui: {obstacle}\n")
        return 1
    import platformdirs
    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QApplication

    from snip_gui.ui.window.closing import close_when_asked

    app = QApplication(sys.argv[:1])
    app.setApplicationName("snip-gui")
    app.setApplicationDisplayName("SNIP explorer")
    app.setDesktopFileName("io.github.snip_gui")
    collector = collect_in_gui_thread()
    application = create_window(Path(platformdirs.user_config_dir("snip-gui", appauthor=False)))
    _show_faults(application)
    close_when_asked(app, application.window)
    application.window.show()
    # Only after the window is shown: torch takes seconds to load.
    QTimer.singleShot(0, application.window, application.controller.start)
    if file:
        opener = application.window.files.opener
        QTimer.singleShot(0, application.window, lambda: opener.open(Path(file).absolute()))
    status = app.exec()
    application.close()
    del collector
    if not application.has_ended:
        # Qt would abort on exit because of a thread that never returns, as on a dead disk.
        sys.stderr.write("snip-gui: some work did not stop in time and was ended.\n")
        sys.stderr.flush()
        os._exit(status or 1)
    return status


def collect_in_gui_thread() -> object:
    """Run Python's cyclic garbage collector in this thread only.

    By default it runs in whichever thread crosses its threshold, mostly the training loop, and
    would destroy widgets there.
    """
    from pyqtgraph.util.garbage_collector import GarbageCollector

    gc.disable()
    return GarbageCollector(interval=1.0)


def _show_faults(application: Application) -> None:
    """Show exceptions that nothing else caught; the session continues."""
    from snip_gui.ui.window.faults import Faults

    faults = Faults(application.controller.state.notices, application.controller)
    faults.found.connect(application.controller.failed)

    def report(
        kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        details = "".join(traceback.format_exception(kind, error, trace))
        if application.is_closed or faults.report(f"{kind.__name__}: {error}", details):
            sys.stderr.write(details)

    sys.excepthook = report
