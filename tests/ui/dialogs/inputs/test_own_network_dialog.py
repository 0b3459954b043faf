"""Code is never agreed to before it was shown."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox

from snip_gui.ui.dialogs.inputs.own_network_dialog import OwnNetworkDialog


@pytest.fixture
def dialog(qtbot, tmp_path):
    for name in ("one", "two"):
        (tmp_path / f"{name}.py").write_text(f"class {name.title()}:\n    pass\n")
    dialog = OwnNetworkDialog("", "", ())
    qtbot.addWidget(dialog)
    with qtbot.waitActive(dialog):
        dialog.open()
        dialog.activateWindow()
    return dialog


def ok_button(dialog):
    return dialog.buttons.button(QDialogButtonBox.StandardButton.Ok)


def test_enter_in_the_field_shows_the_code_and_accepts_nothing(dialog, qtbot, tmp_path):
    dialog.file.setFocus()
    dialog.file.setText(str(tmp_path / "one.py"))
    qtbot.keyClick(dialog.file, Qt.Key.Key_Return)
    assert dialog.isVisible()
    assert "class One" in dialog.code.toPlainText()
    assert ok_button(dialog).isEnabled()


def test_naming_another_file_withdraws_the_code_that_is_shown(dialog, qtbot, tmp_path):
    dialog.file.setText(str(tmp_path / "one.py"))
    dialog.file.editingFinished.emit()
    dialog.file.setText(str(tmp_path / "two.py"))
    assert not ok_button(dialog).isEnabled()
    dialog.accept()
    assert dialog.isVisible()
    dialog.file.editingFinished.emit()
    assert "class Two" in dialog.code.toPlainText()
    ok_button(dialog).click()
    assert dialog.result() == QDialog.DialogCode.Accepted
    assert dialog.chosen()[1] == "Two"
