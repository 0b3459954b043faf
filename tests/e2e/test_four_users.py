"""Four users reach their goals with mouse and keys; a robot counts how often they press.

A press is a click in the window or a key with its modifiers; typing a text counts as one press. The
system's own file dialogs are not part of the window, and are answered for it. Set SNIP_GUI_SHOTS to
a folder to get a screenshot at the end of each way.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QDialogButtonBox,
    QFileDialog,
    QLabel,
    QLineEdit,
    QPushButton,
)

from snip_gui.app import create_window
from snip_gui.core.recipe.json import with_value
from snip_gui.ui.dialogs.files.export_dialog import ExportDialog
from snip_gui.ui.dialogs.inputs.own_network_dialog import OwnNetworkDialog

pytestmark = pytest.mark.slow

WAIT_MS = 120_000
NETWORK = """
from torch import nn

class Tiny(nn.Sequential):
    def __init__(self, image_shape, num_classes):
        channels, rows, columns = image_shape
        super().__init__(nn.Flatten(), nn.Linear(channels * rows * columns, 16), nn.ReLU(),
                         nn.Linear(16, num_classes))
"""


class Robot:
    """Presses what a user would press, as long as it is visible and enabled, and counts."""

    def __init__(self, application, qtbot):
        self.window, self.controller = application.window, application.controller
        self.host, self._qtbot, self.presses = application.host, qtbot, 0

    def wait(self, condition):
        self._qtbot.waitUntil(lambda: bool(condition()), timeout=WAIT_MS)

    def find(self, kind, name, parent=None):
        found = (parent or self.window).findChild(kind, name)
        assert found is not None, name
        return found

    def click(self, widget, at=None):
        self.wait(lambda: widget.isVisible() and widget.isEnabled())
        self._qtbot.mouseClick(widget, Qt.MouseButton.LeftButton, pos=at or widget.rect().center())
        self.presses += 1

    def tool(self, name):
        self.click(self.window.toolbar.widgetForAction(self.window.actions_by_name[name]))

    def tab(self, title):
        bar = self.window.centre.tabBar()
        number = next(n for n in range(bar.count()) if bar.tabText(n) == title)
        self.click(bar, bar.tabRect(number).center())

    def key(self, key, modifier=Qt.KeyboardModifier.NoModifier):
        self._qtbot.keyClick(self.window, key, modifier)
        self.presses += 1

    def type(self, line, text):
        """Replace the text of a field: a click into it, and the typing."""
        self.click(line)
        line.selectAll()
        self._qtbot.keyClicks(line, text)
        self.presses += 1

    def choose(self, combo, text):
        """Choose in a list, which takes two presses; without a screen the list does not open."""
        self.wait(lambda: combo.isVisible() and combo.isEnabled())
        combo.setCurrentIndex(next(n for n in range(combo.count()) if text in combo.itemText(n)))
        combo.activated.emit(combo.currentIndex())
        self.presses += 2

    def shoot(self, name):
        if folder := os.environ.get("SNIP_GUI_SHOTS"):
            QApplication.processEvents()
            self.window.grab().save(str(Path(folder) / f"{name}.png"))


@pytest.fixture
def robot(qtbot, qapp, tmp_path):
    """The window as on first start, once its first picture is there."""
    application = create_window(tmp_path / "config")
    controller = application.controller
    controller.prefer(device="cpu", num_threads=1)
    application.window.resize(1440, 900)
    application.window.show()
    controller.start()
    robot = Robot(application, qtbot)
    robot.wait(lambda: controller.state.scored is not None and not application.host.is_busy())
    yield robot
    controller.queue.clear()
    controller.stop()
    robot.wait(lambda: not application.host.is_busy("train"))
    application.window.close()
    assert application.host.shutdown()
    application.window.deleteLater()
    qapp.processEvents()


def test_pruned_beside_dense_takes_two_presses_from_the_first_start(robot):
    recipe = with_value(robot.controller.state.recipe, "training.epochs", 2)
    robot.controller.edit(recipe, "Shorter, for the test")
    robot.tool("train")
    robot.click(robot.window.classes.action)
    robot.wait(lambda: "; dense " in robot.controller.companions.sentence)
    shown = [label.text() for label in robot.window.findChildren(QLabel) if label.isVisible()]
    assert any("90% removed" in text and "dense" in text for text in shown)
    robot.shoot("1-dense")
    assert robot.presses <= 2


def test_own_network_and_own_folder_to_onnx_take_nine_presses(robot, tmp_path, monkeypatch):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    pytest.importorskip("onnxruntime")
    (tmp_path / "tiny.py").write_text(NETWORK)
    generator = np.random.default_rng(0)
    for name in ("cat", "dog"):
        folder = tmp_path / "pictures" / name
        folder.mkdir(parents=True)
        for number in range(80):
            image = generator.integers(0, 256, (12, 12), np.uint8)
            Image.fromarray(image).save(folder / f"{number}.png")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(tmp_path / "tiny.py"), ""))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path / "pictures"))
    robot.controller.prefer(export_folder=str(tmp_path))
    state = robot.controller.state
    robot.choose(robot.find(QComboBox, "model_name"), "Your own")
    dialog = robot.find(OwnNetworkDialog, "own_network_dialog")
    robot.click(robot.find(QPushButton, "own_browse", dialog))
    robot.click(dialog.buttons.button(QDialogButtonBox.StandardButton.Ok))
    robot.wait(lambda: state.recipe.model.name == "own")
    robot.choose(robot.find(QComboBox, "data_name"), "Folder")
    robot.wait(lambda: state.images is not None and not robot.host.is_busy())
    robot.tool("export")
    export = robot.find(ExportDialog, "export_dialog")
    robot.wait(lambda: robot.controller.exporter.folder is not None)
    table = export.table
    row = next(n for n in range(table.rowCount()) if table.item(n, 0).text().startswith("ONNX"))
    place = table.visualItemRect(table.item(row, 0))
    robot.click(table.viewport(), QPoint(place.left() + 12, place.center().y()))
    robot.click(export.start)
    robot.wait(lambda: list(tmp_path.glob("*.onnx")))
    robot.shoot("2-onnx")
    export.close()
    assert robot.presses <= 9


def test_overlap_of_two_classes_over_ten_seeds_takes_six_presses(robot):
    robot.tab("Studies")
    robot.type(robot.find(QLineEdit, "study_values"), "3, 8")
    robot.click(robot.find(QPushButton, "study_start"))
    robot.wait(lambda: robot.controller.studies.latest is not None
               and not robot.controller.studies.is_running)  # fmt: skip
    sentence = robot.find(QLabel, "study_answer").text()
    assert "3" in sentence
    assert "8" in sentence
    robot.shoot("3-overlap")
    assert robot.presses <= 6


def test_figure_two_on_a_projector_takes_two_presses(robot):
    robot.tab("Grid")
    robot.key(Qt.Key.Key_F11)
    grid = robot.controller.grid
    robot.wait(lambda: grid.spec is not None and not grid.is_running)
    assert len(grid.columns) == 10
    assert robot.window.presentation.is_on
    assert not robot.window.toolbar.isVisible()
    assert robot.window.lazy.grid.view.isVisible()
    robot.shoot("4-figure-2")
    assert robot.presses <= 2
