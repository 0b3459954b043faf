"""The dialog on a fault of the program, with details to copy; the program continues."""

from __future__ import annotations

from PySide6.QtGui import QFontDatabase, QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from snip_gui.ui.widgets.naming import named
from snip_gui.ui.widgets.plain_text import Label


class FailureDialog(QDialog):
    """Shows what went wrong, and the details that a developer needs."""

    def __init__(self, message: str, details: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Something went wrong")
        self.setObjectName("failure_dialog")
        text = Label(
            f"{message}\n\nThis is a bug in the program, not a mistake of yours. Your work is "
            "safe and you can carry on. Including the details in a bug report helps to get it "
            "fixed."
        )
        text.setWordWrap(True)
        shown = named(QPlainTextEdit(details), "failure_details", "Details")
        shown.setReadOnly(True)
        shown.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        shown.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        copy = named(QPushButton("Copy details"), "copy_details", "Copy details")
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(details))
        buttons.addButton(copy, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        for widget in (text, shown, buttons):
            column.addWidget(widget)
        self.resize(640, 380)
