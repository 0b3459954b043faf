"""The sweep dialog on small screens."""

from __future__ import annotations

from PySide6.QtWidgets import QDialogButtonBox, QScrollArea

from snip_gui.core.recipe.methods import METHODS
from snip_gui.core.recipe.recipe import Recipe
from snip_gui.ui.dialogs.runs.sweep_dialog import SweepDialog

# 1920x1080 at 200%, less the frame of the window.
WIDTH, HEIGHT = 932, 444


def test_every_method_is_reachable_on_a_small_screen(qtbot):
    dialog = SweepDialog(Recipe(), "LeNet-300-100 on UCI digits")
    qtbot.addWidget(dialog)
    assert dialog.methods.keys() == {*METHODS.names} - {Recipe().pruning.method}
    assert dialog.minimumSizeHint().height() < HEIGHT
    assert dialog.minimumSizeHint().width() < WIDTH
    dialog.resize(dialog.minimumSizeHint())
    dialog.show()
    area = dialog.findChild(QScrollArea)
    for box in dialog.methods.values():
        area.ensureWidgetVisible(box)
        corner = box.mapTo(area.viewport(), box.rect().center())
        assert area.viewport().rect().contains(corner)
    assert dialog.findChild(QDialogButtonBox).geometry().bottom() < dialog.height()
