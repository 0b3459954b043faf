"""Pictures that leave the window: sharp at any size, with the numbers behind them."""

from __future__ import annotations

import csv
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QGuiApplication
from PySide6.QtWidgets import QComboBox, QFileDialog, QLabel, QPushButton

from snip_gui.ui.dialogs.files.figures import find_figures, save_figure
from snip_gui.ui.dialogs.files.picture_dialog import PictureDialog
from tests.qt_fixtures import WAIT_MS

WHITE = QColor("#ffffff")


def child(window, kind, name):
    found = window.findChild(kind, name)
    assert found is not None, name
    return found


@pytest.fixture
def window(started, qtbot):
    qtbot.wait(50)  # charts lay themselves out when they are first painted
    return started.window


@pytest.fixture
def figures(window):
    return {figure.title: figure for figure in find_figures(window)}


def test_what_is_shown_can_be_saved(figures):
    assert list(figures) == ["Input map", "Histogram of sensitivities"]


def test_pictures_have_the_size_and_resolution_asked_for(figures, tmp_path):
    for name, figure in figures.items():
        path = tmp_path / f"{name}.png"
        save_figure(figure, path, width=1700, dpi=300, background=WHITE)
        with Image.open(path) as image:
            assert image.width == 1700
            assert image.height == round(1700 * figure.size.height() / figure.size.width())
            assert image.info["dpi"] == pytest.approx((300, 300), abs=1)
            assert len(image.convert("L").getcolors(256)) > 5  # not one colour alone


def test_a_chart_keeps_vectors_and_letters(figures, tmp_path):
    path = tmp_path / "chart.svg"
    save_figure(figures["Histogram of sensitivities"], path, width=800, dpi=96, background=WHITE)
    root = ElementTree.parse(path).getroot()
    tags = [element.tag.rpartition("}")[2] for element in root.iter()]
    assert tags.count("path") + tags.count("polyline") > 3
    texts = " ".join("".join(e.itertext()) for e in root.iter() if e.tag.endswith("text"))
    assert "sensitivity" in texts


def test_the_numbers_of_the_heatmap_are_those_of_the_map(figures, started, tmp_path):
    state = started.controller.state
    expected = state.scored.input_fractions(state.num_kept)[0]
    save_figure(figures["Input map"], tmp_path / "map.npz", width=1, dpi=1, background=WHITE)
    with np.load(tmp_path / "map.npz") as file:
        (values,) = (file[name] for name in file.files)
    np.testing.assert_allclose(values, expected, atol=expected.max() / 254)
    save_figure(figures["Input map"], tmp_path / "map.csv", width=1, dpi=1, background=WHITE)
    rows = list(csv.reader((tmp_path / "map.csv").read_text().splitlines()))
    assert len(rows) == len(rows[0]) == 28
    assert float(rows[14][14]) == pytest.approx(float(values[14, 14]))


def test_the_numbers_of_a_chart_are_its_curves(figures, started, tmp_path):
    path = tmp_path / "curves.csv"
    save_figure(figures["Histogram of sensitivities"], path, width=1, dpi=1, background=WHITE)
    head, *rows = csv.reader(path.read_text().splitlines())
    assert head == ["all x", "all y", "kept x", "kept y", "layer x", "layer y"]
    edges = started.controller.state.scored.histogram.edges
    assert float(rows[0][0]) == pytest.approx(float(edges[0]))
    assert len(rows) == len(edges)


def test_the_dialog_saves_and_remembers_nothing_of_a_failure(window, qtbot, tmp_path, monkeypatch):
    window.actions_by_name["save_picture"].trigger()
    dialog = window.findChild(PictureDialog)
    child(dialog, QComboBox, "picture_figure").setCurrentIndex(1)
    assert "13.5 cm" in child(dialog, QLabel, "picture_paper").text()
    chart = (str(tmp_path / "chart"), "Vector graphic (*.svg)")
    answers = iter([("", ""), (str(tmp_path / "x" / "a.png"), ""), chart])
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: next(answers))
    save = child(dialog, QPushButton, "picture_save")
    qtbot.mouseClick(save, Qt.MouseButton.LeftButton)  # cancelled
    assert dialog.isVisible()
    (tmp_path / "x").write_text("no folder")
    qtbot.mouseClick(save, Qt.MouseButton.LeftButton)
    assert child(dialog, QLabel, "picture_problem").isVisible()
    qtbot.mouseClick(save, Qt.MouseButton.LeftButton)
    assert (tmp_path / "chart.svg").stat().st_size > 1000
    assert any("chart.svg" in notice.text for notice in window.state.notices.all)


def test_a_picture_is_copied(window, qtbot):
    window.actions_by_name["save_picture"].trigger()
    dialog = window.findChild(PictureDialog)
    dialog.width_px.setValue(640)
    qtbot.mouseClick(child(dialog, QPushButton, "picture_copy"), Qt.MouseButton.LeftButton)
    image = QGuiApplication.clipboard().image()
    assert image.width() == 640


def test_without_a_picture_there_is_nothing_to_save(application):
    application.window.actions_by_name["save_picture"].trigger()
    dialog = application.window.findChild(PictureDialog)
    assert not child(dialog, QPushButton, "picture_save").isEnabled()
    dialog.reject()


def test_weights_have_numbers_too(window, started, qtbot):
    window.layers.layer_chosen.emit("fc3")
    window.heatmap.weights.colours.setCurrentIndex(
        window.heatmap.weights.colours.findData("weight")
    )
    qtbot.waitUntil(lambda: find_figures(window)[0].title == "Weights")
    figure = find_figures(window)[0]
    scored = started.controller.state.scored
    tensor = scored.layout["fc3.weight"]
    weight = scored.weight_M[tensor.offset : tensor.end].reshape(10, 100)
    (values,) = figure.numbers().values()
    inside = np.abs(weight) < np.quantile(np.abs(weight), 0.99)
    np.testing.assert_allclose(values[inside], weight[inside], atol=np.abs(weight).max() / 100)


def test_curves_of_a_training_can_be_saved(started, window, qtbot, tmp_path):
    controller, state = started.controller, started.controller.state
    controller.set_field("training.epochs", 1)
    window.docks["training"].raise_()
    controller.train()
    qtbot.waitUntil(
        lambda: state.training is not None and not state.training.is_active, timeout=WAIT_MS
    )
    qtbot.waitUntil(lambda: len(find_figures(window)) == 3, timeout=WAIT_MS)
    chart = find_figures(window)[2]
    assert chart.title == "Loss and error"
    assert any(name.endswith(" y") and len(values) for name, values in chart.numbers().items())
    save_figure(chart, tmp_path / "c.png", width=900, dpi=100, background=WHITE)


def test_the_flow_can_be_saved_with_its_counts(started, qtbot, tmp_path):
    window, state = started.window, started.controller.state
    window.views.show_flow()
    qtbot.waitUntil(lambda: "Network flow" in {f.title for f in find_figures(window)})
    (figure,) = (f for f in find_figures(window) if f.title == "Network flow")
    save_figure(figure, tmp_path / "flow.csv", width=1, dpi=1, background=WHITE)
    head, *rows = csv.reader((tmp_path / "flow.csv").read_text().splitlines())
    assert head == ["layer", "total", "kept", "kept_on_paths", "units", "units_on_paths"]
    assert sum(int(row[2]) for row in rows) == state.num_kept
    assert sum(int(row[3]) for row in rows) == sum(state.paths.num_on_paths().values())
    save_figure(figure, tmp_path / "flow.svg", width=800, dpi=96, background=WHITE)
    root = ElementTree.parse(tmp_path / "flow.svg").getroot()
    assert "fc2" in " ".join("".join(e.itertext()) for e in root.iter() if e.tag.endswith("text"))
