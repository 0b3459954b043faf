"""Curves of a training and of the runs laid over them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QAction, QWheelEvent
from PySide6.QtWidgets import QApplication, QLabel

from snip_gui.core.training.metrics import MetricPoint
from snip_gui.core.views.training_curves import smoothed
from snip_gui.ui.theme.theme import Themes
from snip_gui.ui.training.training_charts import Overlay, TrainingCharts
from tests.run_folders import make_run, points_of, recipe_with

WAIT_MS = 60_000


@pytest.fixture
def charts(qtbot):
    charts = TrainingCharts(Themes())
    qtbot.addWidget(charts)
    charts.controls.setParent(charts)
    charts.resize(900, 300)
    charts.show()
    charts.options.findChild(QAction, "chart_log").trigger()  # values are easier to compare
    yield charts
    charts.close()


def overlay(name="other", error=0.1, epochs=4):
    return Overlay(name, tuple(points_of(epochs, error)), error, error / 2)


def wheel(charts, chart):
    """Turn the wheel over a chart."""
    place = charts.view.mapFromScene(chart.getViewBox().sceneBoundingRect().center())
    event = QWheelEvent(
        QPointF(place),
        QPointF(charts.view.viewport().mapToGlobal(place)),
        QPoint(),
        QPoint(0, 240),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(charts.view.viewport(), event)


def choose(charts, name):
    charts.options.findChild(QAction, name).trigger()


def test_smoothing_starts_at_the_first_value_and_never_leaves_the_range():
    values_N = np.array([4.0, 2.0, 2.0, 8.0])
    assert smoothed(values_N, 0.0) is values_N
    result_N = smoothed(values_N, 0.5)
    assert result_N[0] == 4.0
    assert result_N[1] == pytest.approx((0.5 * 0.5 * 4 + 0.5 * 2) / 0.75)
    assert np.allclose(smoothed(np.full(50, 3.0), 0.9), 3.0)


def test_the_axis_can_be_epochs_steps_or_seconds(charts):
    charts.show_points(points_of(3, 0.1))
    for name, expected in (
        ("epochs", [0, 1, 2, 3]), ("steps", [0, 13, 26, 39]), ("seconds", [0, 0.5, 1, 1.5]),
    ):  # fmt: skip
        choose(charts, f"chart_axis_{name}")
        assert charts.curves["test"][0].getData()[0].tolist() == expected


def test_smoothing_is_for_the_training_curve_alone_and_off_at_first(charts):
    points = points_of(5, 0.1)
    charts.show_points(points)
    measured = [point.loss for point in points if point.split == "train"]
    assert charts.curves["train"][0].getData()[1].tolist() == measured
    test = charts.curves["test"][0].getData()[1].tolist()
    choose(charts, "chart_smoothing_0.9")
    assert charts.curves["train"][0].getData()[1].tolist() != measured
    assert charts.curves["test"][0].getData()[1].tolist() == test


def test_a_logarithmic_axis_leaves_out_what_has_no_logarithm(charts):
    perfect = MetricPoint(99, 6.0, "test", 0.001, 1.0, 0.1, 9.0)
    charts.show_points([*points_of(5, 0.1), perfect])
    choose(charts, "chart_log")
    loss = charts.curves["test"][0].getData()[1]
    assert loss[-1] == pytest.approx(-3)
    charts.view.scene().prepareForPaint()
    low, high = charts.error.getViewBox().viewRange()[1]
    assert -1 < low < high < 3
    choose(charts, "chart_log")
    assert charts.curves["test"][1].getData()[1][-1] == 0


def test_loss_and_error_are_logarithmic_at_first_and_accuracy_is_linear(qtbot):
    charts = TrainingCharts(Themes())
    qtbot.addWidget(charts)
    points = points_of(5, 0.1)
    charts.show_points(points)
    last = [point for point in points if point.split == "test"][-1]
    loss, error = (curve.getData()[1] for curve in charts.curves["test"])
    assert error[-1] == pytest.approx(math.log10(100 * last.error))
    assert loss[-1] == pytest.approx(math.log10(last.loss))
    assert charts.loss.getAxis("left").logMode
    charts.options.findChild(QAction, "chart_quantity_accuracy").trigger()
    assert charts.curves["test"][1].getData()[1][-1] == pytest.approx(100 * last.accuracy)
    assert not charts.error.getAxis("left").logMode


def test_live_points_do_not_undo_a_zoom(charts, qtbot):
    charts.show_points(points_of(3, 0.1))
    assert not charts.whole.isVisible()
    wheel(charts, charts.loss)
    zoomed = charts.loss.getViewBox().viewRange()
    assert charts.whole.isVisible()
    charts.show_points(points_of(30, 0.1))
    assert charts.loss.getViewBox().viewRange() == zoomed
    qtbot.mouseClick(charts.whole, Qt.MouseButton.LeftButton)
    charts.show_points(points_of(40, 0.1))
    assert charts.loss.getViewBox().viewRange()[0][1] >= 40
    assert not charts.whole.isVisible()


def test_runs_laid_over_have_a_line_and_a_legend_each(charts):
    charts.show_overlays((overlay("one_<b>", 0.1), overlay("two", 0.2)))
    first, second = charts._drawn
    pens = [items[0].opts["pen"] for items in (first, second)]
    assert pens[0].color() != pens[1].color()
    assert pens[0].style() != pens[1].style()
    errors = [p.error for p in points_of(4, 0.1) if p.split == "test"]
    assert first[1].getData()[1] == pytest.approx([100 * error for error in errors])
    text = charts._legend.text()
    assert "&lt;b&gt;" in text
    assert "test 10.00% final, 5.00% at lowest validation error" in text
    choose(charts, "chart_split_validation")
    assert first[1].getData()[1][0] != pytest.approx(100 * errors[0], abs=0.5)
    charts.show_overlays(())
    assert not charts._drawn


def test_sixteen_runs_look_different():
    from snip_gui.ui.theme.theme import load_colours
    from snip_gui.ui.widgets.pictures.plots import run_mark, run_pen

    for theme in ("light", "dark"):
        colours = load_colours(theme).runs
        pens = [run_pen(colours, number) for number in range(16)]
        assert len({(pen.color().name(), pen.style()) for pen in pens}) == 16
        assert len({run_mark(colours, number) for number in range(16)}) == 16


def test_ticked_runs_are_seen_without_a_training(application, tmp_path, qtbot):
    folder = make_run(tmp_path / "runs", "one", recipe_with())
    window, runs = application.window, application.controller.runs
    window.docks["training"].raise_()
    runs.refresh()
    qtbot.waitUntil(lambda: runs.is_listed, timeout=WAIT_MS)
    assert window.findChild(QLabel, "runs_legend") is None  # nor are there charts yet
    runs.check(folder, True)
    qtbot.waitUntil(lambda: bool(runs.checked and runs.curve(runs.checked[0])), timeout=WAIT_MS)
    legend = window.findChild(QLabel, "runs_legend")
    assert legend.isVisible()
    assert "at lowest validation error" in legend.text()
    assert len(window.training.charts._drawn[0][0].getData()[0]) == 4


def trained_points(epochs=3, per_epoch=4):
    """Points as a training yields them, with norms."""
    points = []
    for step in range(1, epochs * per_epoch + 1):
        epoch = step / per_epoch
        points.append(
            MetricPoint(step, epoch, "train", 1 / step, 0.5, 0.1 / step, 0.5 * step, 2.0 * step,
                        (float(step), 10.0))
        )  # fmt: skip
        if step % per_epoch == 0:
            points += [MetricPoint(step, epoch, s, 0.3, 0.9, 0.1, 0.5 * step) for s in ("test",)]
    return points


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("accuracy", [50.0] * 12),
        ("learning_rate", [0.1 / n for n in range(1, 13)]),
        ("gradient_norm", [2.0 * n for n in range(1, 13)]),
    ],
)
def test_the_right_chart_shows_what_is_chosen(charts, name, expected):
    charts.show_points(trained_points())
    choose(charts, f"chart_quantity_{name}")
    assert charts.curves["train"][1].getData()[1] == pytest.approx(expected)
    assert charts.curves["train"][0].getData()[1][-1] == pytest.approx(1 / 12)
    shown = charts.curves["test"][1].getData()[1]
    assert (shown is not None and len(shown) == 3) == (name == "accuracy")
    choose(charts, "chart_quantity_error")
    assert len(charts.curves["test"][1].getData()[1]) == 3


def test_the_speed_leaves_evaluations_out(charts):
    charts.show_points(trained_points())
    choose(charts, "chart_quantity_steps_per_second")
    speeds = charts.curves["train"][1].getData()[1]
    assert np.isnan(speeds[[0, 4, 8]]).all()
    assert np.delete(speeds, [0, 4, 8]) == pytest.approx([2.0] * 9)


def test_each_layer_has_a_line_and_a_name(charts):
    charts.show_points(trained_points())
    charts.show_training(("fc1", "fc2"), 12)
    assert not charts._legend_area.isVisible()
    choose(charts, "chart_quantity_weight_norms")
    first, second = charts._layer_items
    assert first.getData()[1].tolist() == list(range(1, 13))
    assert second.getData()[1].tolist() == [10.0] * 12
    assert charts.curves["train"][1].getData()[1] is None
    assert "fc2" in charts._legend.text()
    choose(charts, "chart_quantity_error")
    assert not charts._layer_items
    assert not charts._legend_area.isVisible()


def test_the_papers_losses_are_thin_lines_of_its_steps(charts):
    charts.show_training(("conv1",), 5_400)
    assert not charts.options.findChild(QAction, "chart_figure_4").isEnabled()
    charts.options.offer_figures((4,), offered=True)
    charts._on_drawn_otherwise()
    names = [curve.name for curve, _ in charts.paper_curves]
    assert names[0] == "true labels, 0%"
    assert len(names) == 5
    curve, item = charts.paper_curves[0]
    assert item.getData()[0][-1] <= 10  # no longer than the training
    assert item.getData()[0][1] == pytest.approx(curve.steps[1] / 540)
    assert item.getData()[1][0] == curve.losses[0]
    assert "random labels, 99%" in charts._legend.text()
    choose(charts, "chart_axis_steps")
    assert item.getData()[0][1] == curve.steps[1]
    choose(charts, "chart_figure_7")
    assert len(charts.paper_curves) == 11
    choose(charts, "chart_axis_seconds")
    assert not charts.paper_curves
