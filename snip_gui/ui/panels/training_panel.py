"""Training: the schedule to set, the curves to watch."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from snip_gui.core.fields import all_fields
from snip_gui.ui.widgets.field_form import FieldForm
from snip_gui.ui.widgets.naming import named
from snip_gui.ui.widgets.plots import style_plot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from snip_gui.core.training.metrics import MetricPoint
    from snip_gui.session.controller import Controller
    from snip_gui.session.state import SessionState
    from snip_gui.session.values import TrainingState
    from snip_gui.ui.theme import Themes

_FIELDS = tuple(field for field in all_fields() if field.path.startswith("training."))
_EMPTY = "Not trained yet.\n\nTrain (F6) prunes at the slider's sparsity and trains what is left."
# Charts draw on their own clock: repainting at every step would halve a small network's speed.
_REDRAW_MS = 250
# The last epoch's points of the held-out splits are among so many.
_LOOKED_BACK = 100
_STYLES = {
    "train": Qt.PenStyle.SolidLine,
    "validation": Qt.PenStyle.DashLine,
    "test": Qt.PenStyle.DashDotLine,
}


class TrainingPanel(QWidget):
    """Form on the left, status and charts on the right."""

    def __init__(
        self,
        state: SessionState,
        controller: Controller,
        themes: Themes,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._state, self._themes = state, themes
        self.form = FieldForm(_FIELDS)
        self.form.edited.connect(controller.set_field)
        self._status = named(QLabel(), "training_status", "Training status")
        self._status.setWordWrap(True)
        self._charts = named(pg.GraphicsLayoutWidget(), "training_charts", "Loss and error")
        self._charts.ci.layout.setContentsMargins(0, 4, 4, 0)
        self._units: list[pg.LabelItem] = []
        self._lines = _Lines()
        self._loss = self._add_chart("loss", 0)
        self._error = self._add_chart("error, %", 1)
        self._curves = {split: (self._loss.plot(), self._error.plot()) for split in _STYLES}
        self._legend = named(QLabel(), "training_legend", "Legend")
        self._build()
        self._redraw = QTimer(self, interval=_REDRAW_MS, singleShot=True)
        self._redraw.timeout.connect(self._draw)
        state.recipe_changed.connect(self._show_recipe)
        state.training_changed.connect(self._on_training_changed)
        state.points_added.connect(self._on_points_added)
        themes.changed.connect(self._on_theme_changed)
        self._on_theme_changed()
        self._show_recipe()
        self._on_training_changed()

    def _add_chart(self, label: str, column: int) -> pg.PlotItem:
        chart = self._charts.addPlot(0, column)
        chart.setLabel("left", label)
        # Inside the chart: an axis label would take a fifth of its height in a small window.
        unit = pg.LabelItem("epochs", size="8pt")
        unit.setParentItem(chart.getViewBox())
        unit.anchor(itemPos=(1, 1), parentPos=(1, 1), offset=(-4, -2))
        self._units.append(unit)
        chart.showGrid(x=False, y=True, alpha=0.25)
        chart.setMenuEnabled(False)
        chart.hideButtons()
        chart.getViewBox().setLimits(xMin=0, yMin=0)
        chart.getAxis("left").setWidth(48)
        for side in ("left", "bottom"):
            # Ticks are worked out anew at every redraw; the finest are too small to be read.
            chart.getAxis(side).setStyle(maxTickLevel=1)
        return chart

    def _build(self) -> None:
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(8, 6, 8, 6)
        column.addWidget(self.form)
        column.addStretch()
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidget(inner)
        area.setFixedWidth(inner.sizeHint().width() + area.verticalScrollBar().sizeHint().width())
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        empty = QLabel(_EMPTY)
        empty.setProperty("role", "empty")
        empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        empty.setWordWrap(True)
        pages = QWidget()
        self._pages = QStackedLayout(pages)
        self._pages.addWidget(empty)
        self._pages.addWidget(self._charts)
        right = QVBoxLayout()
        right.setContentsMargins(0, 6, 8, 6)
        right.setSpacing(2)
        top = QHBoxLayout()
        top.addWidget(self._status, 1)
        top.addWidget(self._legend, 0, Qt.AlignmentFlag.AlignTop)
        right.addLayout(top)
        right.addWidget(pages, 1)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(area)
        row.addLayout(right, 1)

    @Slot()
    def _show_recipe(self) -> None:
        raw = msgspec.to_builtins(self._state.recipe.training)
        self.form.show_values({f"training.{name}": value for name, value in raw.items()})

    @Slot()
    def _on_training_changed(self) -> None:
        training = self._state.training
        self._status.setVisible(training is not None)
        self._legend.setVisible(training is not None)
        if training is None:
            self._pages.setCurrentIndex(0)
            return
        self._pages.setCurrentIndex(1)
        self._status.setText(describe(training))
        self._draw()

    @Slot(object)
    def _on_points_added(self, _points: tuple[MetricPoint, ...]) -> None:
        if not self._redraw.isActive():
            self._redraw.start()

    @Slot()
    def _draw(self) -> None:
        training = self._state.training
        if training is None:
            return
        self._status.setText(describe(training))
        self._lines.show(training.points)
        for split, (loss, error) in self._curves.items():
            epochs, losses, errors = self._lines.arrays(split)
            loss.setData(epochs, losses)
            error.setData(epochs, errors)
        # Ranges follow now: left to the paint, they would ask for a second one.
        self._charts.scene().prepareForPaint()

    @Slot()
    def _on_theme_changed(self) -> None:
        colours = self._themes.colours
        self._charts.setBackground(colours.plot)
        for chart in (self._loss, self._error):
            style_plot(chart, colours.plot, colours.text, colours.muted)
        for split, curves in self._curves.items():
            pen = pg.mkPen(getattr(colours, split), width=1, style=_STYLES[split])
            for curve in curves:
                curve.setPen(pen)
        for unit in self._units:
            unit.setText("epochs", color=colours.muted)
        marks = {"train": "━━", "validation": "╍╍", "test": "━·"}
        self._legend.setText(
            "&nbsp;&nbsp;".join(
                f'<span style="color:{getattr(colours, split)}">{mark}</span> {split}'
                for split, mark in marks.items()
            )
        )


class _Lines:
    """Points as arrays to draw; each is converted once, however often it is drawn."""

    def __init__(self) -> None:
        self._first: MetricPoint | None = None
        self._num_taken = 0
        self._values: dict[str, array[float]] = {}

    def show(self, points: Sequence[MetricPoint]) -> None:
        """Take in what is new; begin again if it is another training."""
        first = points[0] if points else None
        if first is not self._first or len(points) < self._num_taken:
            self._first, self._num_taken, self._values = first, 0, {}
        for point in points[self._num_taken :]:
            values = self._values.setdefault(point.split, array("d"))
            values.extend((point.epoch, point.loss, 100 * point.error))
        self._num_taken = len(points)

    def arrays(self, split: str) -> NDArray[np.float64]:
        """Return epochs, losses and errors in percent of a split, shape (3, N)."""
        values = self._values.get(split, array("d"))
        return np.array(values, np.float64).reshape(-1, 3).T


def describe(training: TrainingState) -> str:
    """Return a sentence on how a training stands."""
    at = f"at {training.sparsity:.2%} sparsity"
    held_out = {p.split: p for p in training.points[-_LOOKED_BACK:] if p.split != "train"}
    order = [split for split in ("validation", "test") if split in held_out]
    errors = ", ".join(f"{split} error {held_out[split].error:.2%}" for split in order)
    epoch = f"{training.points[-1].epoch:.1f}" if training.points else "0"
    match training.phase:
        case "preparing":
            return "Preparing the training…"
        case "running":
            rates = f"; {training.rates.text}" if training.rates is not None else ""
            epochs = f"{epoch} of {training.recipe.training.epochs} epochs."
            return f"Training {at}: {epochs} {errors}{rates}"
        case "stopping":
            return "Stopping after this step…"
        case "stopped":
            return f"Stopped {at} after {epoch} epochs; Continue goes on. {errors}"
        case "finished":
            return f"Finished {at}: {errors}"
    return f"Failed {at} after {epoch} epochs; the curves so far are kept. {errors}"
