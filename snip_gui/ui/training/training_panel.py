"""Training: settings and curves."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, cast

import msgspec
import numpy as np
from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QMenu,
    QScrollArea,
    QSizePolicy,
    QStackedLayout,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from snip_gui.core.base.text import sparsity_text
from snip_gui.core.recipe.fields import all_fields
from snip_gui.core.recipe.presets import PRESETS, about, with_optimizer, with_preset
from snip_gui.core.reports.estimate import estimate
from snip_gui.core.reports.paper_curves import suits
from snip_gui.core.runs.folder import error_at_best
from snip_gui.ui.commands.run_commands import ask_extension, show_mistakes
from snip_gui.ui.training.preference_box import PreferenceBox
from snip_gui.ui.widgets.elided_label import ElidedLabel
from snip_gui.ui.widgets.field_form import FieldForm
from snip_gui.ui.widgets.lazy_page import LazyPage
from snip_gui.ui.widgets.naming import named
from snip_gui.ui.widgets.plain_text import Label

if TYPE_CHECKING:
    from pathlib import Path

    from snip_gui.core.recipe.training import OptimizerName, Training
    from snip_gui.core.training.metrics import MetricPoint, SplitName
    from snip_gui.session.controller import Controller
    from snip_gui.session.state.session_state import SessionState
    from snip_gui.session.state.values import TrainingState
    from snip_gui.ui.theme.theme import Themes
    from snip_gui.ui.training.training_charts import Overlay, TrainingCharts

_FIELDS = tuple(field for field in all_fields() if field.path.startswith("training."))
_EMPTY = (
    "Not trained yet.\n\nTrain (F6) prunes at the sparsity of the slider and trains the "
    "remaining connections."
)
# Charts repaint on their own timer: repainting at every step would halve a small network's speed.
_REDRAW_MS = 400
_ESTIMATE_MS = 150
_LEAST_HEIGHT = 88  # of the curves in a small window
# The last epoch's points of the validation and test splits are among this many.
_LOOKED_BACK = 100
_BESIDE_TIP = "Train also trains this, and the charts and one sentence compare them"


class TrainingPanel(QWidget):
    """A form on the left, status and charts on the right, with ticked runs overlaid."""

    def __init__(
        self,
        state: SessionState,
        controller: Controller,
        themes: Themes,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._state, self._runs = state, controller.runs
        self._controller, self._themes = controller, themes
        self._offered_for: Path | None = None
        self.form = FieldForm(_FIELDS)
        self.form.edited.connect(self._on_edited)
        self.presets = self._make_presets()
        self.estimate = named(
            Label(),
            "training_estimate",
            "Estimate",
            "Estimated time, memory and disk space of a training with these settings",
        )
        self.estimate.setProperty("role", "muted")
        self.estimate.setWordWrap(True)
        self._estimate = QTimer(self, interval=_ESTIMATE_MS, singleShot=True)
        self._estimate.timeout.connect(self._show_estimate)
        self._beside = named(ElidedLabel(), "training_beside", "Comparison")
        self._beside.setProperty("role", "heading")
        self._beside.hide()
        controller.companions.changed.connect(self._show_beside)
        self._status = named(ElidedLabel(), "training_status", "Training status")
        self._charts_page: LazyPage[TrainingCharts] = LazyPage(self._make_charts)
        self._legend = named(Label(), "training_legend", "Legend")
        self._legend.setTextFormat(Qt.TextFormat.RichText)
        self.more = self._make_more()
        self._build()
        self._redraw = QTimer(self, interval=_REDRAW_MS, singleShot=True)
        self._redraw.timeout.connect(self._draw)
        state.recipe_changed.connect(self._show_recipe)
        for changed in (
            *(state.recipe_changed, state.images_changed, state.network.changed),
            *(state.scored_changed, state.training_changed, self._runs.changed),
        ):
            changed.connect(self._estimate.start)
        state.devices_changed.connect(self._show_recipe)
        state.training_changed.connect(self._on_training_changed)
        state.points_added.connect(self._on_points_added)
        self._runs.checked_changed.connect(self._on_training_changed)
        themes.changed.connect(self._show_legend)
        self._show_recipe()
        self._on_training_changed()

    @property
    def charts(self) -> TrainingCharts:
        """The curves; created when the first are needed."""
        return self._charts_page.content

    def _make_charts(self) -> TrainingCharts:
        from snip_gui.ui.training.training_charts import TrainingCharts

        charts = TrainingCharts(self._themes)
        self._top.addWidget(charts.controls)
        self._legend.setText(charts.legend_text())
        return charts

    def _make_presets(self) -> QToolButton:
        button = named(
            QToolButton(), "training_presets", "Presets", "Apply a set of settings at once"
        )
        button.setText("Presets")
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        menu = QMenu(button)
        menu.setToolTipsVisible(True)
        for preset in PRESETS:
            action = menu.addAction(preset.title)
            action.setObjectName(f"preset_{preset.name.replace('-', '_')}")
            action.setData(preset.name)
        menu.triggered.connect(self._on_preset)
        button.setMenu(menu)
        return button

    @Slot()
    def _show_beside(self) -> None:
        sentence = self._controller.companions.sentence
        self._beside.setText(f"Test error with {sentence}" if sentence else "")
        self._beside.setVisible(bool(sentence))

    def _make_more(self) -> QToolButton:
        button = named(QToolButton(), "training_more", "More", "More actions")
        button.setText("More")
        button.setProperty("role", "compact")
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(button)
        menu.setToolTipsVisible(True)
        self.extend = menu.addAction("&Extend…")
        self.extend.setObjectName("extend_training")
        self.extend.setToolTip("Train the finished run for extra epochs")
        self.extend.triggered.connect(self._on_extend)
        self.mistakes = menu.addAction("&Mistakes…")
        self.mistakes.setObjectName("show_mistakes")
        self.mistakes.setToolTip(
            "Confusion matrix, and the images that the newest checkpoint misclassifies with the "
            "largest loss"
        )
        self.mistakes.triggered.connect(self._on_mistakes)
        button.setMenu(menu)
        return button

    def _build(self) -> None:
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(8, 6, 8, 6)
        column.addWidget(self.presets)
        for name, text in (
            ("train_dense", "With the dense network"),
            ("train_random", "With a random mask"),
        ):
            column.addWidget(PreferenceBox(self._controller, name, text, _BESIDE_TIP))
        column.addWidget(self.estimate)
        column.addWidget(self.form)
        column.addStretch()
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidget(inner)
        area.setFixedWidth(inner.sizeHint().width() + area.verticalScrollBar().sizeHint().width())
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        empty = Label(_EMPTY)
        empty.setProperty("role", "empty")
        empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        empty.setWordWrap(True)
        pages = QWidget()
        pages.setMinimumHeight(_LEAST_HEIGHT)
        self._pages = QStackedLayout(pages)
        self._pages.addWidget(empty)
        self._pages.addWidget(self._charts_page)
        right = QVBoxLayout()
        right.setContentsMargins(0, 4, 8, 2)
        right.setSpacing(2)
        self._top = QHBoxLayout()
        self._top.addWidget(self._legend)
        self._top.addStretch()
        self._top.addWidget(self.more)
        # On a separate line: beside the legend it would wrap and squeeze the charts.
        right.addWidget(self._beside)
        right.addWidget(self._status)
        right.addLayout(self._top)
        right.addWidget(pages, 1)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(area)
        row.addLayout(right, 1)

    @Slot()
    def _show_recipe(self) -> None:
        recipe = self._state.recipe
        raw = msgspec.to_builtins(recipe.training)
        hidden = idle_fields(recipe.training, has_gpu=self._has_gpu())
        self.form.show_values({f"training.{n}": v for n, v in raw.items() if n not in hidden})
        for action in self.presets.menu().actions():
            action.setToolTip(_wrapped(about(PRESETS[action.data()], recipe)))

    @Slot()
    def _show_estimate(self) -> None:
        state = self._state
        text = ""
        is_training = state.training is not None and state.training.is_active
        if state.network.architecture is not None and state.images is not None and not is_training:
            scored = state.scored if not state.is_stale else None
            text = estimate(
                state.recipe, state.network.architecture, state.images, scored, self._runs.entries
            ).text
        self.estimate.setText(text)
        self.estimate.setVisible(bool(text))

    def _has_gpu(self) -> bool:
        return any(name != "cpu" for name, _ in self._state.devices)

    @Slot(str, object)
    def _on_edited(self, path: str, value: object) -> None:
        if path == "training.optimizer":
            recipe = with_optimizer(self._state.recipe, cast("OptimizerName", value))
            self._controller.edit(recipe, "Change training.optimizer")
        else:
            self._controller.set_field(path, value)

    @Slot(QAction)
    def _on_preset(self, action: QAction) -> None:
        preset = PRESETS[action.data()]
        num_channels = self._state.network.info.num_channels
        recipe = with_preset(self._state.recipe, preset.name, num_channels=num_channels)
        self._controller.edit(recipe, f"Preset “{preset.title}”")

    @Slot()
    def _on_training_changed(self) -> None:
        training = self._state.training
        overlays = self._overlays()
        self._status.setText("" if training is None else describe_training(training))
        self._legend.setVisible(training is not None)
        self.more.setVisible(training is not None and training.num_kept > 0)
        self.extend.setEnabled(training is not None and training.phase == "finished")
        has_curves = training is not None or bool(overlays)
        self._pages.setCurrentIndex(int(has_curves))
        if has_curves or self._charts_page.made is not None:
            self.charts.controls.setVisible(has_curves)
            self.charts.show_overlays(overlays)
            self._offer_paper_curves()
            self._draw()

    def _offer_paper_curves(self) -> None:
        """Offer the paper's losses for a comparable training run, and show the relevant ones."""
        training = self._state.training
        if training is None:
            return
        self.charts.show_training(self._state.network.layers, training.num_steps)
        if training.folder != self._offered_for:
            self._offered_for = training.folder
            shuffled = training.recipe.training.labels == "shuffled"
            figures = (4,) if suits(training.recipe) and shuffled else ()
            self.charts.options.offer_figures(figures, offered=suits(training.recipe))

    @Slot()
    def _on_extend(self) -> None:
        training = self._state.training
        if training is not None and training.folder is not None:
            ask_extension(self._controller, training.folder, training.recipe, self.window())

    @Slot()
    def _on_mistakes(self) -> None:
        training = self._state.training
        if training is not None and training.folder is not None:
            show_mistakes(self._controller, training.folder, training.recipe, self.window())

    def _overlays(self) -> tuple[Overlay, ...]:
        """Return the ticked runs, except the current one, which is drawn anyway."""
        training = self._state.training
        own = training.folder if training is not None else None
        ticked = [entry for entry in self._runs.checked if entry.folder != own]
        if not ticked:
            return ()
        from snip_gui.ui.training.training_charts import Overlay

        return tuple(
            Overlay(e.name, self._runs.curve(e), e.test_error, e.test_error_at_best) for e in ticked
        )

    @Slot(object)
    def _on_points_added(self, _points: tuple[MetricPoint, ...]) -> None:
        if not self._redraw.isActive():
            self._redraw.start()

    @Slot()
    def _draw(self) -> None:
        training = self._state.training
        if training is not None:
            self._status.setText(describe_training(training))
        masks = self._controller.live_masks
        self.charts.show_kept(np.array(masks.steps, float), masks.kept_percent())
        self.charts.show_points(training.points if training is not None else ())

    @Slot()
    def _show_legend(self) -> None:
        if self._charts_page.made is not None:
            self._legend.setText(self.charts.legend_text())


def idle_fields(training: Training, *, has_gpu: bool) -> set[str]:
    """Return the training fields without effect, given the others and this machine."""
    idle = set()
    if training.optimizer != "sgd":
        idle.add("momentum")
    if training.schedule == "cosine":
        idle |= {"decay_at", "decay_factor"}
    if not training.added_epochs:
        idle |= {"added_epochs", "added_rate"}
    if training.precision == "float32" and not has_gpu:
        idle.add("precision")
    return idle


def _wrapped(text: str) -> str:
    """Return a word-wrapped tool tip."""
    return f"<p>{escape(text)}</p>"


def describe_training(training: TrainingState) -> str:
    """Return a sentence on the status of a training run."""
    at = f"at {sparsity_text(training.sparsity)} sparsity"
    held_out: dict[SplitName, MetricPoint] = {
        p.split: p for p in training.points[-_LOOKED_BACK:] if p.split != "train"
    }
    order = [split for split in ("validation", "test") if split in held_out]
    errors = ", ".join(f"{split} error {held_out[split].error:.2%}" for split in order)
    epoch = f"{training.points[-1].epoch:.1f}" if training.points else "0"
    match training.phase:
        case "preparing":
            return "Preparing the training…"
        case "running" if training.waits_for:
            return f"Paused {at} after {epoch} epochs. {training.waits_for}"
        case "running":
            rates = f"; {training.rates.text}" if training.rates is not None else ""
            total = training.recipe.num_epochs
            epochs = f"{epoch} of {total} {'epoch' if total == 1 else 'epochs'}."
            return f"Training {at}: {epochs} {errors}{rates}"
        case "stopping":
            return "Stopping after this step…"
        case "stopped":
            return f"Stopped {at} after {epoch} epochs. Press Continue (F8). {errors}"
        case "finished":
            return f"Finished {at}: {_outcome(held_out, error_at_best(training.points))}"
    if not training.points:
        return "The training failed before its first step."
    return f"Failed {at} after {epoch} epochs; the curves so far are kept. {errors}"


def _outcome(held_out: dict[SplitName, MetricPoint], at_best: float | None) -> str:
    """Return the errors of a finished run, most important first, as the line may be cut off."""
    parts = []
    if "test" in held_out:
        best = f" final, {at_best:.2%} at lowest validation error" if at_best is not None else ""
        parts.append(f"test error {held_out['test'].error:.2%}{best}")
    if "validation" in held_out:
        parts.append(f"validation error {held_out['validation'].error:.2%}")
    return "; ".join(parts)
