"""The list of methods, with clicks."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QDialogButtonBox, QWidget

from snip_gui.core.recipe.methods import METHODS
from snip_gui.ui.dialogs.inputs.methods_dialog import MethodsDialog
from tests.qt_fixtures import *  # noqa: F403 - fixtures are found by name
from tests.qt_fixtures import WAIT_MS


@pytest.fixture
def dialog(started, qtbot):
    combo = started.window.findChild(QComboBox, "pruning_method")
    number = combo.findText("Compare methods…")
    combo.setCurrentIndex(number)
    combo.activated.emit(number)
    qtbot.waitUntil(lambda: started.window.findChild(MethodsDialog) is not None, timeout=WAIT_MS)
    assert combo.currentText() == "SNIP"
    return started.window.findChild(MethodsDialog)


def test_every_method_is_described_and_one_is_used(dialog, started, qtbot):
    assert dialog.name == "snip"
    assert dialog.table.rowCount() == len(METHODS.names)
    for row, method in enumerate(METHODS):
        dialog.table.setCurrentCell(row, 0)
        assert method.description in dialog.about.text()
    dialog.table.setCurrentCell(METHODS.names.index("dns"), 0)
    assert "trains the dense network first" in dialog.about.text()
    assert "Threshold factors" in dialog.about.text()
    ok = dialog.buttons.button(QDialogButtonBox.StandardButton.Ok)
    qtbot.mouseClick(ok, Qt.MouseButton.LeftButton)
    assert started.controller.state.recipe.pruning.method == "dns"


def test_rare_settings_are_under_advanced(dialog, started, qtbot):
    dialog.reject()
    assert started.controller.state.recipe.pruning.method == "snip"
    started.controller.set_field("pruning.method", "lc")
    setup = started.window.setup

    def shown(name):
        return setup.findChild(QWidget, name).isVisible()

    assert shown("pruning_l_steps")
    assert not shown("pruning_mu")
    setup.advanced.setChecked(True)
    assert shown("pruning_mu")
