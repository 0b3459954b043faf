"""Names of strangers' files that look like markup: shown as they are, wherever they are shown."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QAbstractListModel, QModelIndex
from PySide6.QtGui import Qt, QTextDocument
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QDialog,
    QGraphicsTextItem,
    QGraphicsView,
    QLabel,
    QWidget,
)

from snip_gui.core.data.minibatch.own_images import Fitted
from snip_gui.core.data.sets.digits import load_digits
from snip_gui.core.data.sets.events import BadFile
from snip_gui.core.execution.mistakes import Confusion, Mistakes
from snip_gui.core.models.events import CheckpointFound
from snip_gui.core.models.own.source import read_source
from snip_gui.core.recipe.json import with_value
from snip_gui.session.state.values import Activity, Problem
from snip_gui.ui.dialogs.files.import_dialog import ImportDialog
from snip_gui.ui.dialogs.help.about_dialog import AboutDialog
from snip_gui.ui.dialogs.help.failure_dialog import FailureDialog
from snip_gui.ui.dialogs.inputs.own_images_dialog import OwnImagesDialog
from snip_gui.ui.dialogs.inputs.own_network_dialog import OwnNetworkDialog
from snip_gui.ui.dialogs.inputs.unreadable_dialog import UnreadableDialog
from snip_gui.ui.dialogs.runs.extend_dialog import ExtendDialog
from snip_gui.ui.dialogs.runs.mistakes_dialog import MistakesDialog
from snip_gui.ui.dialogs.runs.sweep_dialog import SweepDialog
from tests.run_folders import make_run

WAIT_MS = 60_000
# As the name of a file may be, which has no slash in it.
NAME = "<h1>Your licence ran out<img src='&#47;gone'>"

NETWORK = f"""
from torch import nn

class Net(nn.Sequential):
    def __init__(self, image_shape, num_classes):
        super().__init__()
        self.add_module("flat", nn.Flatten())
        self.add_module({NAME!r}, nn.Linear(784, num_classes))
"""


@pytest.fixture
def hostile(started, qtbot, tmp_path):
    """The window with hostile words from every file that it reads."""
    controller, state, window = started.controller, started.controller.state, started.window
    digits = load_digits()
    classes = tuple(f"{NAME} {number}" for number in range(len(digits.classes)))
    state.set_images(dataclasses.replace(digits, title=NAME, classes=classes, kept=NAME))
    file = tmp_path / f"{NAME}.py".replace("&#47;", "")
    file.write_text(NETWORK, encoding="utf-8")
    controller.network.use_code(read_source(file), "Net")
    qtbot.waitUntil(lambda: not started.host.is_busy(), timeout=WAIT_MS)
    controller.score()
    qtbot.waitUntil(lambda: not state.is_stale, timeout=WAIT_MS)
    window.actions_by_name["pin"].trigger()
    runs = Path(state.preferences.runs_path)
    recipe = with_value(state.recipe, "training.epochs", 3)
    make_run(runs, NAME, recipe, message=NAME, classes=(NAME, NAME), device=NAME)
    controller.runs.refresh()
    qtbot.waitUntil(lambda: bool(controller.runs.entries), timeout=WAIT_MS)
    (entry,) = controller.runs.entries
    controller.runs.set_notes(entry, note=NAME, name=NAME)
    controller.runs.check(entry.folder, True)
    controller.prefer(data_folder=f"/{NAME}", device=NAME)
    controller.recipes.recents.add(tmp_path / NAME)
    state.notices.info(NAME)
    state.status.set_activity(Activity("load", NAME))
    state.status.report(Problem(NAME, NAME))
    state.set_devices((("cpu", NAME),), (("torch", NAME),))
    window.files.fill_recent()
    for dock in window.docks.values():
        dock.raise_()
    for page in range(window.centre.count()):
        window.centre.setCurrentIndex(page)
        QApplication.processEvents()
    qtbot.waitUntil(lambda: not started.host.is_busy(), timeout=WAIT_MS)
    return started


def test_no_widget_takes_a_name_for_markup(hostile, qtbot):
    controller, window = hostile.controller, hostile.window
    state = controller.state
    (entry,) = controller.runs.entries
    pictures = state.images.train_images.read(np.arange(2))
    mistakes = Mistakes(
        folder=entry.folder, split="validation", step=1, classes=state.images.classes,
        images_digest="", indices_P=np.arange(2),
        confusion=Confusion.of(np.zeros(2, np.int64), np.ones(2, np.int64), 10),
        labels_P=np.zeros(2, np.int64), taken_for_P=np.ones(2, np.int64),
        losses_P=np.ones(2, np.float32), pictures_PCHW=pictures,
    )  # fmt: skip
    found = CheckpointFound(
        path=Path(f"/{NAME}"), title=NAME, key=NAME, num_tensors=1, num_values=1,
        mask_from=NAME,
        recipes=(state.recipe,), knows_recipe=True, errors={NAME: 0.5},
    )  # fmt: skip
    dialogs = [
        MistakesDialog(controller.mistakes, entry.folder, entry.name, state.recipe, window),
        ImportDialog(found, state.recipe, window),
        OwnImagesDialog([Fitted(NAME, pictures[0], problem=NAME)], state.images.classes, 0, window),
        UnreadableDialog([BadFile(NAME, NAME)], window),
        OwnNetworkDialog(state.recipe.model.file, "Net", (), window),
        ExtendDialog(NAME, state.recipe, window),
        SweepDialog(state.recipe, NAME, 1, window),
        FailureDialog(NAME, NAME, window),
        AboutDialog(NAME, window),
    ]
    controller.mistakes.found.emit(mistakes)
    controller.exporter.choose(entry.folder)
    window.files.export()
    try:
        roots = QApplication.topLevelWidgets()
        widgets = {widget for root in roots for widget in (root, *root.findChildren(QWidget))}
        shown = set().union(*map(texts_of, widgets))
        assert {pair for pair in shown if is_taken_for_markup(*pair)} == set()
        places = {where for where, text in shown if "licence" in text}
        assert {"label", "rich label", "tool tip", "cell tip", "action"} <= places
    finally:
        for dialog in (*dialogs, *window.findChildren(QDialog)):
            dialog.close()


def texts_of(widget):
    """Every text of a widget for which Qt may read markup, with where it is."""
    found = {("tool tip", widget.toolTip()), ("tool tip", widget.whatsThis())}
    found |= {("action", action.toolTip()) for action in widget.actions()}
    if isinstance(widget, QLabel):
        is_rich = widget.textFormat() == Qt.TextFormat.RichText
        is_plain = widget.textFormat() == Qt.TextFormat.PlainText
        found.add(("rich label" if is_rich else "label" if is_plain else "guess", widget.text()))
    if isinstance(widget, QGraphicsView) and widget.scene() is not None:
        texts = (item for item in widget.scene().items() if isinstance(item, QGraphicsTextItem))
        found |= {("rich label", item.toHtml()) for item in texts}
    if isinstance(widget, QAbstractItemView) and widget.model() is not None:
        found |= {("cell tip", str(tip)) for tip in tips_of(widget.model(), QModelIndex()) if tip}
    return found


def tips_of(model, parent):
    """The tool tips of all cells and headers of a model."""
    rows = min(model.rowCount(parent), 50)
    columns = 1 if isinstance(model, QAbstractListModel) else model.columnCount(parent)
    for orientation, number in (
        (Qt.Orientation.Horizontal, columns),
        (Qt.Orientation.Vertical, rows),
    ):
        for section in range(number):
            yield model.headerData(section, orientation, Qt.ItemDataRole.ToolTipRole)
    for row in range(rows):
        for column in range(columns):
            index = model.index(row, column, parent)
            yield index.data(Qt.ItemDataRole.ToolTipRole)
            if column == 0 and model.rowCount(index):
                yield from tips_of(model, index)


def is_taken_for_markup(where, text):
    """Whether Qt would show an image or a heading for a text."""
    if where == "label" or not (where == "rich label" or Qt.mightBeRichText(text)):
        return False
    document = QTextDocument()
    document.setHtml(text)
    blocks = (document.findBlockByNumber(number) for number in range(document.blockCount()))
    has_heading = any(block.blockFormat().headingLevel() for block in blocks)
    return has_heading or any(form.isImageFormat() for form in document.allFormats())


def test_the_check_itself_finds_what_is_interpreted_as_markup(qapp):
    assert is_taken_for_markup("tool tip", NAME)
    assert is_taken_for_markup("rich label", f"<b>{NAME}</b>")
    assert not is_taken_for_markup("label", NAME)
