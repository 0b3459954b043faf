"""The page that shows what networks see in a drawing."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from PySide6.QtCore import QObject, QPoint, Qt, Signal
from PySide6.QtTest import QTest

from snip_gui.core.execution.answers import Answer
from snip_gui.ui.panels.answers.panel import AnswersPanel
from snip_gui.ui.theme.theme import Themes


class FakeRecognition(QObject):
    subjects_changed, changed = Signal(), Signal()

    def __init__(self):
        super().__init__()
        self.subjects, self.subject, self.image_CHW = (), None, None
        self.answers, self.problem, self.image_title = (), "", ""
        self.calls = []

    def __getattr__(self, name):
        return lambda *args, **kwargs: self.calls.append((name, args or kwargs))


def answer(title, *shares):
    classes = tuple(map(str, range(len(shares))))
    return Answer(title, classes, np.array(shares, np.float32))


@pytest.fixture
def asks(qtbot):
    return FakeRecognition()


@pytest.fixture
def panel(asks, qtbot):
    panel = AnswersPanel(asks, Themes())
    qtbot.addWidget(panel)
    panel.show()
    yield panel
    panel.close()


def test_without_a_trained_network_it_says_what_to_do(panel, asks):
    assert panel.empty.isVisible()
    assert "Press Train" in panel.empty.text()
    asks.subjects = (SimpleNamespace(title="SNIP 90 %", folder="x"),)
    asks.subject = asks.subjects[0]
    asks.subjects_changed.emit()
    assert not panel.empty.isVisible()
    assert panel.network.currentText() == "SNIP 90 %"


def test_both_networks_have_bars_and_the_sentence_says_whether_they_agree(panel, asks):
    asks.image_CHW, asks.image_title = np.zeros((1, 28, 28), np.uint8), "your drawing"
    asks.answers = (answer("90% removed", 0.1, 0.7, 0.2), answer("Dense network", 0.1, 0.1, 0.8))
    asks.changed.emit()
    assert panel.what.text() == "Your drawing: 1; without pruning 2."
    assert [title.text() for title in panel.titles] == ["90% removed", "Dense network"]
    assert panel.bars[0].rows == [("0", pytest.approx(0.1)), ("1", pytest.approx(0.7)),
                                  ("2", pytest.approx(0.2))]  # fmt: skip
    assert "1: 70.0%" in panel.bars[0].accessibleDescription()
    asks.answers = (asks.answers[1],) * 2
    asks.changed.emit()
    assert panel.what.text() == "Your drawing: both networks see 2."
    asks.answers = ()
    asks.changed.emit()
    assert not panel.bars[0].rows  # nothing stale is left


def test_of_many_classes_the_most_probable_are_listed(panel, asks):
    shares = np.arange(100) / 4950
    asks.image_CHW, asks.answers = np.zeros((1, 8, 8), np.uint8), (answer("net", *shares),)
    asks.changed.emit()
    assert [name for name, _ in panel.bars[0].rows] == [str(k) for k in range(99, 87, -1)]


def test_strokes_and_the_rubber_are_asked_about_while_it_is_shown(panel, asks):
    assert ("want", {"wanted": True}) in asks.calls
    QTest.mousePress(panel.canvas, Qt.MouseButton.LeftButton, pos=QPoint(100, 100))
    name, (ink_HW,) = asks.calls[-1]
    assert name == "show_drawing"
    assert ink_HW[100, 100] == 255
    panel.rubber.setChecked(True)
    QTest.mousePress(panel.canvas, Qt.MouseButton.LeftButton, pos=QPoint(100, 100))
    assert asks.calls[-1][1][0][100, 100] == 0
    panel.hide()
    assert asks.calls[-1] == ("want", {"wanted": False})


def test_a_selected_image_is_asked_about(started, qtbot):
    started.window.views.show_answers()
    tray = started.window.minibatch.tray
    tray.setCurrentIndex(tray.model().index(0, 0))
    index = tray.selected_indices()[0]
    assert started.controller.recognition.image_title.startswith(f"image {index:,}, class ")


@pytest.mark.parametrize("width", [320, 540, 900])
def test_nothing_is_cut_at_any_width(panel, asks, width):
    asks.subjects = (SimpleNamespace(title="SNIP 90 %", folder="x"),)
    asks.subject = asks.subjects[0]
    asks.subjects_changed.emit()
    panel.resize(width, 900)
    panel.layout().activate()
    for widget in (panel.canvas, panel.network, panel.what, *panel.bars):
        right = widget.mapTo(panel, QPoint(widget.width(), 0)).x()
        assert right <= panel.width()
    beside = panel.network.mapTo(panel, QPoint(0, 0)).x() >= panel.canvas.width()
    assert beside == (width > 600)
