"""The main window: panels in docks around the heatmap, connected to the session by actions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSettings, Qt, Signal, Slot
from PySide6.QtGui import QCloseEvent, QGuiApplication, QResizeEvent
from PySide6.QtWidgets import (
    QMainWindow,
    QSizePolicy,
    QTabWidget,
    QToolBar,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from snip_gui.ui.commands.file_commands import FileCommands
from snip_gui.ui.commands.mask_commands import MaskCommands
from snip_gui.ui.compare.compare_commands import CompareCommands
from snip_gui.ui.heatmap.heatmap_panel import HeatmapPanel
from snip_gui.ui.panels.images_panel import ImagesPanel
from snip_gui.ui.panels.layers.panel import LayersPanel
from snip_gui.ui.panels.log_panel import LogPanel
from snip_gui.ui.panels.minibatch_panel import MinibatchPanel
from snip_gui.ui.panels.sensitivity_panel import SensitivityPanel
from snip_gui.ui.panels.setup_panel import SetupPanel
from snip_gui.ui.theme.theme_menu import ThemeMenu
from snip_gui.ui.training.training_panel import TrainingPanel
from snip_gui.ui.widgets.fitting import fit_screen
from snip_gui.ui.widgets.layouts.scrolled import Scrolled
from snip_gui.ui.widgets.naming import named
from snip_gui.ui.widgets.plain_text import plain_tip
from snip_gui.ui.window.actions import ACTIONS, MENUS, make_actions
from snip_gui.ui.window.arranging.number_style import NumberStyle
from snip_gui.ui.window.arranging.panel_buttons import PanelButtons
from snip_gui.ui.window.arranging.presentation import Presentation
from snip_gui.ui.window.closing import may_close
from snip_gui.ui.window.docks import BELOW, Docks, DockSpec
from snip_gui.ui.window.first_look import FirstLookOffer, make_first_look_steps
from snip_gui.ui.window.lazy_panels import LazyPanels
from snip_gui.ui.window.notices.classes_banner import ClassesBanner
from snip_gui.ui.window.notices.offer_banner import OfferBanner
from snip_gui.ui.window.notices.problem_banner import ProblemBanner
from snip_gui.ui.window.parts import WindowParts
from snip_gui.ui.window.status_line import StatusLine
from snip_gui.ui.window.tour import Tour
from snip_gui.ui.window.view_commands import ViewCommands

if TYPE_CHECKING:
    from collections.abc import Callable

    from snip_gui.core.export.events import ExportDone
    from snip_gui.session.controller import Controller
    from snip_gui.session.state.notices import Notice
    from snip_gui.ui.theme.theme import Themes


class MainWindow(QMainWindow):
    """The main window."""

    closed = Signal()

    def __init__(self, controller: Controller, themes: Themes, settings: QSettings) -> None:
        super().__init__()
        self.setObjectName("main_window")
        self.controller, self.state = controller, controller.state
        self._themes, self._settings = themes, settings
        self._asks, self._is_closed = True, False
        self.setWindowTitle("SNIP explorer")
        self.setWindowIcon(themes.icon("snip"))
        self.setDockNestingEnabled(True)
        self.setMinimumSize(640, 400)
        NumberStyle(self.state, self)
        self._make_panels()
        self._make_centre()
        self._make_docks()
        parts = WindowParts(self.centre, self.docks, self.heatmap, self.images, self.lazy)
        self.tour = Tour(self, make_first_look_steps(parts))
        self.presentation = Presentation(self, self.centre)
        self.views = ViewCommands(
            controller, parts, self.tour, self.presentation, self.first_look, self
        )
        self.files = FileCommands(controller, themes, self)
        self.masks = MaskCommands(controller, self)
        self.actions_by_name = make_actions(self, self._handler)
        self.comparing.offer_in_tray(self.actions_by_name["score_without"])
        self._show_preferences()
        self._make_toolbar()
        self._make_menus()
        self.status_line = StatusLine(self.state)
        self.status_line.cancel_asked.connect(controller.cancel)
        for commands in (self.files, self.masks):
            commands.message.connect(self.status_line.flash)
        self.statusBar().addPermanentWidget(PanelButtons(self._layout, BELOW))
        self.statusBar().addPermanentWidget(self.status_line, 1)
        self.statusBar().setSizeGripEnabled(False)
        self._connect()
        self._on_theme_changed()
        self._enable_actions()
        fit_screen(self)
        self._on_reset_layout()
        self._layout.restore(settings)
        fit_screen(self, self.size())

    # Construction

    def _make_panels(self) -> None:
        state, controller, themes = self.state, self.controller, self._themes
        self.setup = SetupPanel(state, controller)
        self.minibatch = MinibatchPanel(state, controller, themes)
        self.heatmap = HeatmapPanel(state, controller, themes)
        self.images = ImagesPanel(state, controller)
        self.lazy = LazyPanels(controller, themes, self)
        self.layers = LayersPanel(state, controller.masks, themes)
        self.sensitivity = SensitivityPanel(state, controller, themes)
        self.training = TrainingPanel(state, controller, themes)
        self.log = LogPanel(state, themes)

    def _make_centre(self) -> None:
        self.banner = named(ProblemBanner(self.controller), "problem_banner", "Problem")
        start = self.controller.training_start
        self.classes = named(ClassesBanner(start), "classes_banner", "Classes of the minibatch")
        self.first_look = named(FirstLookOffer(), "first_look_offer", "First look")
        self.centre = named(QTabWidget(), "centre_tabs", "Main view")
        self.offer = named(OfferBanner(self.controller), "offer_banner", "Interrupted run")
        self.centre.setDocumentMode(True)
        tray = self.minibatch.tray
        self.comparing = CompareCommands(self.controller, self._themes, tray, self.centre, self)
        self.centre.addTab(self.heatmap, "Connections")
        self.centre.addTab(self.images, "Images")
        self.centre.addTab(self.lazy.network_page, "Network")
        self.centre.addTab(self.lazy.grid_page, "Grid")
        self.centre.addTab(self.comparing.page, "Compare")
        self.centre.addTab(self.lazy.systems_page, "Systems")
        self.centre.addTab(self.lazy.studies_page, "Studies")
        self.centre.addTab(self.lazy.runs_page, "Runs")
        self.centre.addTab(self.lazy.answers_page, "Recognise")
        whole = QWidget()
        column = QVBoxLayout(whole)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.banner)
        column.addWidget(self.offer)
        column.addWidget(self.classes)
        column.addWidget(self.centre, 1)
        self.setCentralWidget(whole)

    def _make_toolbar(self) -> None:
        self.toolbar = QToolBar("Toolbar")
        self.toolbar.setObjectName("toolbar")
        self.toolbar.setMovable(False)
        self.toolbar.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        self.toolbar.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        order = ("score", "train", "stop", "resume", "export", None, "undo", "redo")
        for name in order:
            if name is None:
                self.toolbar.addSeparator()
                continue
            self.toolbar.addAction(self.actions_by_name[name])
            button = self.toolbar.widgetForAction(self.actions_by_name[name])
            button.setObjectName(f"button_{name}")
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        for name in ("undo", "redo"):
            button = self.toolbar.widgetForAction(self.actions_by_name[name])
            assert isinstance(button, QToolButton)
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
        spacer = QWidget()
        spacer.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.toolbar.addWidget(spacer)
        self._offer_action = self.toolbar.addWidget(self.first_look)
        if self.state.preferences.first_look_offered:
            self._hide_offer()
        self.addToolBar(self.toolbar)

    def _make_docks(self) -> None:
        specs = (
            DockSpec("setup", "Setup", self.setup),
            DockSpec("minibatch", "Minibatch", Scrolled(self.minibatch)),
            DockSpec("layers", "Layers", self.layers),
            DockSpec("sensitivity", "Sensitivity", self.sensitivity),
            DockSpec("training", "Training", self.training),
            DockSpec("flow", "Flow", self.lazy.flow_page),
            DockSpec("log", "Log", self.log),
        )
        self._layout = Docks(self, specs)
        self.docks = self._layout.by_name

    def _make_menus(self) -> None:
        menus = {name: self.menuBar().addMenu(f"&{name}") for name in MENUS}
        for spec in ACTIONS:
            menu = menus[spec.menu.lstrip("-")]
            if spec.menu.startswith("-"):
                menu.addSeparator()
            menu.addAction(self.actions_by_name[spec.name])
            if spec.name == "open_recipe":
                menu.addMenu(self.files.recent_menu)
        panels = menus["View"].addMenu("&Panels")
        for dock in self.docks.values():
            panels.addAction(dock.toggleViewAction())
        menus["View"].addMenu(ThemeMenu(self.controller, self._themes, self))

    def _connect(self) -> None:
        state = self.state
        for signal in (
            state.recipe_changed,
            state.images_changed,
            state.minibatch_changed,
            state.scored_changed,
            state.training_changed,
            state.devices_changed,
        ):
            signal.connect(self._enable_actions)
        state.preferences_changed.connect(self._show_preferences)
        self._themes.changed.connect(self._on_theme_changed)
        self.controller.undo_changed.connect(self._enable_actions)
        self.controller.runs.changed.connect(self._enable_actions)
        self.controller.failed.connect(self._on_failed)
        self.controller.exported.connect(self._on_exported)
        for answered in (self.first_look.requested, self.first_look.declined):
            answered.connect(self._hide_offer)
        self.controller.told.connect(self.status_line.flash)
        self.controller.animator.told.connect(self.status_line.flash)
        self.minibatch.tray.image_selected.connect(self.controller.recognition.show_index)
        self.images.grid.image_selected.connect(self.controller.recognition.show_index)
        self.minibatch.browse_asked.connect(self.views.show_images)
        # Also emitted for docks behind a tab, which Qt does not hide.
        self.docks["flow"].visibilityChanged.connect(self._on_flow_seen)
        self.layers.layer_chosen.connect(self.views.enter_layer)
        self.lazy.layer_chosen.connect(self.views.enter_layer)
        self.lazy.run_chosen.connect(self.views.open_run)
        self.comparing.study_asked.connect(self._on_study_asked)

    # Layout

    @Slot(str)
    def _on_study_asked(self, name: str) -> None:
        self.centre.setCurrentWidget(self.lazy.studies_page)
        self.lazy.studies.choose(name)

    @Slot()
    def _on_fold_sides(self) -> None:
        self._layout.fold_sides()

    @Slot()
    def _on_reset_layout(self) -> None:
        self._layout.put_back()

    @Slot()
    def close_now(self) -> None:
        """Close without asking, whatever is running."""
        self._asks = False
        self.close()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fold or show the right column if the window becomes narrow or wide."""
        super().resizeEvent(event)
        self._layout.adapt(event.size().width(), event.oldSize().width())

    def closeEvent(self, event: QCloseEvent) -> None:
        """Ask only if there are runs to stop or to keep; then save the layout and signal."""
        if self._asks and not may_close(self, self.controller):
            event.ignore()
            return
        event.accept()
        if self._is_closed:  # closed during the question, or by a second signal
            return
        self._is_closed = True
        self.presentation.end()
        self._layout.save(self._settings)
        # The undo stack signals on destruction, when the actions to update are gone.
        self.controller.undo_changed.disconnect(self._enable_actions)
        self.closed.emit()

    # State to widgets

    @Slot()
    def _enable_actions(self) -> None:
        state, actions = self.state, self.actions_by_name
        training = state.training
        active = training is not None and training.is_active
        stack = self.controller.undo_stack
        wants_score = state.scored is None or state.is_stale or state.is_preview
        enabled = {
            "score": state.can_score and wants_score,
            "train": state.can_train,
            "stop": active,
            "resume": training is not None and training.can_continue,
            "export": state.can_train,
            "share": self.controller.sharing.can_share,
            "save_run": state.can_train,
            "pin": state.scored is not None,
            "score_without": state.scored is not None,
            "undo": stack.canUndo() or self.controller.undoes_deletion,
            "redo": stack.canRedo(),
        }
        for name, is_enabled in enabled.items():
            actions[name].setEnabled(is_enabled)
        actions["stop"].setVisible(not enabled["resume"])
        actions["resume"].setVisible(enabled["resume"])
        undoes = "Delete runs" if self.controller.undoes_deletion else stack.undoText()
        for name, text in (("undo", undoes), ("redo", stack.redoText())):
            word = name.capitalize()
            actions[name].setToolTip(plain_tip(f"{word}: {text}" if text else word))

    @Slot()
    def _show_preferences(self) -> None:
        self.actions_by_name["live_scoring"].setChecked(self.state.preferences.live_scoring)

    @Slot()
    def _on_theme_changed(self) -> None:
        for spec in ACTIONS:
            if spec.icon:
                self.actions_by_name[spec.name].setIcon(self._themes.icon(spec.icon))

    @Slot(object)
    def _on_failed(self, notice: Notice) -> None:
        if self._is_closed:  # a dialog would keep the program from exiting
            return
        from snip_gui.ui.dialogs.help.failure_dialog import FailureDialog

        dialog = FailureDialog(notice.text, notice.details, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    @Slot(object)
    def _on_exported(self, done: ExportDone) -> None:
        self.status_line.flash(f"Exported {done.path.name}, {done.size_bytes:,} bytes")

    @Slot()
    def _hide_offer(self) -> None:
        self._offer_action.setVisible(False)
        self.first_look.hide()  # the toolbar does so only later

    @Slot(bool)
    def _on_flow_seen(self, seen: bool) -> None:
        if seen:
            self.lazy.flow.look_again()

    # Actions, one method each

    def _handler(self, name: str) -> Callable[[], None]:
        own: Callable[[], None] | None = getattr(self, f"_on_{name}", None)
        if own is not None:
            return own
        owners = (self.views, self.comparing, self.files, self.masks)
        owner = next(o for o in owners if hasattr(o, name))
        handler: Callable[[], None] = getattr(owner, name)
        return handler

    @Slot()
    def _on_quit(self) -> None:
        self.close()

    @Slot()
    def _on_undo(self) -> None:
        self.controller.undo()

    @Slot()
    def _on_redo(self) -> None:
        self.controller.undo_stack.redo()

    @Slot()
    def _on_score(self) -> None:
        self.controller.score()

    @Slot()
    def _on_train(self) -> None:
        self._layout.open_below("training")
        self.controller.training_start.train()

    @Slot()
    def _on_stop(self) -> None:
        self.controller.stop()

    @Slot()
    def _on_resume(self) -> None:
        self.controller.resume()

    @Slot()
    def _on_sweep(self) -> None:
        self.views.show_runs()
        self.lazy.runs.commands.ask_sweep()

    @Slot()
    def _on_about(self) -> None:
        from snip_gui.ui.dialogs.help.about_dialog import AboutDialog, diagnostics

        dialog = AboutDialog(diagnostics(self.state), self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    @Slot()
    def _on_copy_diagnostics(self) -> None:
        from snip_gui.ui.dialogs.help.about_dialog import diagnostics

        QGuiApplication.clipboard().setText(diagnostics(self.state))
        self.status_line.flash("Copied the diagnostics")
