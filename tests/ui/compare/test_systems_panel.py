"""Systems side by side in the window, with clicks."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication

from snip_gui.core.reports.text_tables import to_latex, to_markdown
from snip_gui.ui.dialogs.files.figures import find_figures, render_figure
from snip_gui.ui.dialogs.files.picture_dialog import PictureDialog

WAIT_MS = 120_000


@pytest.fixture
def panel(started):
    started.controller.set_field("minibatch.size", 10)
    started.window.views.show_systems()
    return started.window.lazy.systems


def choose(panel, systems, **settings):
    panel.controls.systems.show_values(systems)
    panel.controls.systems.edited.emit()
    panel.controls.passes.setValue(settings.pop("passes", 2))
    for name, text in settings.items():
        getattr(panel.controls, name).setText(text)


def start(panel, qtbot):
    qtbot.mouseClick(panel.start, Qt.MouseButton.LeftButton)


def test_systems_are_compared_copied_drawn_and_their_runs_opened(panel, started, qtbot):
    assert not panel.copy.isVisible()
    choose(panel, ("snip", "imp"), sparsities="90", seeds="0")
    qtbot.waitUntil(lambda: "3 runs" in panel.estimate.text(), timeout=WAIT_MS)
    assert "LeNet-300-100 on" in panel.estimate.text()
    start(panel, qtbot)
    assert panel.start.text() == "Stop"
    studies = started.controller.studies
    qtbot.waitUntil(lambda: not studies.is_running, timeout=WAIT_MS)
    answer = studies.done.answer
    assert panel.sentence.text() == answer.sentence
    assert [panel.table.item(row, 0).text() for row in range(3)] == [
        "unpruned", "SNIP, 90%", "Lottery ticket (IMP), 90%"
    ]  # fmt: skip

    for action in panel.copy.menu().actions():
        action.trigger()
    assert QGuiApplication.clipboard().text() == to_latex(answer.overview)
    panel.copy.menu().actions()[1].trigger()
    assert QGuiApplication.clipboard().text() == to_markdown(answer.overview)

    (figure,) = find_figures(panel)
    assert set(figure.numbers()) >= {"SNIP.x", "SNIP.y", "unpruned.y"}
    image = render_figure(figure, width=900, dpi=100, background=panel.palette().window().color())
    assert image.width() == 900
    colours = {image.pixel(x, y) for x in range(0, 900, 3) for y in range(0, image.height(), 3)}
    assert len(colours) > 5
    qtbot.mouseClick(panel.save, Qt.MouseButton.LeftButton)
    panel.findChild(PictureDialog).reject()

    panel.table.activated.emit(panel.table.model().index(2, 0))
    runs = started.window.lazy.runs
    assert started.window.centre.currentWidget() is started.window.lazy.runs_page
    folder = next(iter(answer.arms[2].results.values())).folder
    qtbot.waitUntil(lambda: [e.folder for e in runs.selected()] == [folder], timeout=WAIT_MS)
    assert started.controller.state.recipe == answer.arms[2].arm.recipe


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"seeds": "x"}, "is not a seed"),
        ({"sparsities": "120"}, "is not a sparsity"),
        ({"limit": "soon"}, "is not a duration"),
    ],
)
def test_what_cannot_be_compared_is_a_sentence_in_place(panel, started, qtbot, settings, problem):
    choose(panel, ("snip",), **settings)
    start(panel, qtbot)
    assert problem in started.controller.state.status.problem.message
    assert not started.controller.studies.is_running


def test_nothing_ticked_is_a_sentence(panel, started, qtbot):
    choose(panel, ())
    qtbot.waitUntil(lambda: "at least one" in panel.estimate.text(), timeout=WAIT_MS)
    start(panel, qtbot)
    assert "No system is chosen" in started.controller.state.status.problem.message


def test_the_estimate_follows_the_settings(panel, started, qtbot):
    started.controller.score()
    choose(panel, ("snip", "l0"), sparsities="90 95", seeds="0-4", passes=10)
    qtbot.waitUntil(lambda: "30 runs, at most about" in panel.estimate.text(), timeout=WAIT_MS)
    choose(panel, ("snip",), sparsities="90", seeds="0", passes=10)
    qtbot.waitUntil(lambda: ": 2 runs" in panel.estimate.text(), timeout=WAIT_MS)
