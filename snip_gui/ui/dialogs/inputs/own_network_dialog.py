"""The dialog to choose a user-supplied network, and to agree to run its code."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QFontDatabase, QKeyEvent
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from snip_gui.core.base.errors import UserError
from snip_gui.core.models.own.review import find_warnings, reveal
from snip_gui.core.models.own.source import Source, candidates, read_source
from snip_gui.ui.widgets.naming import named
from snip_gui.ui.widgets.plain_text import Label

if TYPE_CHECKING:
    from collections.abc import Collection


class OwnNetworkDialog(QDialog):
    """Asks for a Python file and a name in it, and shows the code that would be run.

    Parameters
    ----------
    path, symbol
        File and name in the recipe, if any.
    trusted
        Digests of the files that the user has already agreed to run.
    """

    def __init__(
        self,
        path: str,
        symbol: str,
        trusted: Collection[str],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._trusted = trusted
        self._source: Source | None = None
        self._shown = ""
        self.setWindowTitle("Your own network")
        self.setObjectName("own_network_dialog")
        self.file = named(
            QLineEdit(path), "own_file", "Python file", "The file that defines the network"
        )
        self.file.setPlaceholderText("A Python file")
        self.file.editingFinished.connect(self._show_file)
        self.file.textChanged.connect(self._on_text)
        browse = named(QPushButton("Browse…"), "own_browse", "Browse", "Choose a Python file")
        browse.clicked.connect(self._on_browse)
        browse.setAutoDefault(False)
        self.symbol = named(
            QComboBox(), "own_symbol", "Class or function",
            "The network's class, or a function that returns the network",
        )  # fmt: skip
        self.code = named(QPlainTextEdit(), "own_code", "Code")
        self.code.setReadOnly(True)
        self.code.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.code.setPlaceholderText(
            "import torch\n\n\nclass Net(torch.nn.Module):\n"
            "    def __init__(self, image_shape, num_classes):\n        ...\n\n"
            "    def forward(self, images):  # (batch, channels, rows, columns)\n"
            "        return scores           # (batch, num_classes)"
        )
        self.digest = named(Label(), "own_digest", "Digest of the code shown")
        self.digest.setProperty("role", "muted")
        self.digest.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._warning = named(Label(), "own_warning", "What running the code means")
        self._warning.setTextFormat(Qt.TextFormat.PlainText)
        self._warning.setWordWrap(True)
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        for button in self.buttons.buttons():
            assert isinstance(button, QPushButton)
            button.setAutoDefault(False)  # Enter must not agree to code that is not shown yet
        self._build(browse)
        self._show_file()
        if self.symbol.findText(symbol) >= 0:
            self.symbol.setCurrentText(symbol)

    def _build(self, browse: QPushButton) -> None:
        line = QHBoxLayout()
        line.addWidget(self.file, 1)
        line.addWidget(browse)
        form = QFormLayout()
        form.addRow("Python file", line)
        form.addRow("Class or function", self.symbol)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        column = QVBoxLayout(self)
        column.addLayout(form)
        column.addWidget(self.code, 1)
        column.addWidget(self.digest)
        column.addWidget(self._warning)
        column.addWidget(self.buttons)
        self.resize(680, 520)

    def chosen(self) -> tuple[Source, str]:
        """Return the shown source and the chosen name; call after the dialog was accepted."""
        assert self._source is not None
        return self._source, self.symbol.currentText()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Show a file whose name was typed; only another Enter can agree to run it."""
        is_enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if is_enter and self.file.hasFocus():
            self.code.setFocus()
            return
        super().keyPressEvent(event)

    def accept(self) -> None:
        """Accept the code that is shown, never that of a file named since."""
        if self._source is not None and self.file.text().strip() == self._shown:
            super().accept()

    @Slot()
    def _on_text(self) -> None:
        """Withdraw the offer to run the shown code while another file is being named."""
        is_shown = self.file.text().strip() == self._shown and self._source is not None
        ok = self.buttons.button(QDialogButtonBox.StandardButton.Ok)
        ok.setEnabled(is_shown and self.symbol.count() > 0)

    @Slot()
    def _on_browse(self) -> None:
        start = str(Path(self.file.text()).parent) if self.file.text() else ""
        name, _ = QFileDialog.getOpenFileName(
            self, "Choose a Python file", start, "Python files (*.py)"
        )
        if name:
            self.file.setText(name)
            self._show_file()

    @Slot()
    def _show_file(self) -> None:
        """Show the code and names in the file, without running it."""
        before = self.symbol.currentText()
        self.symbol.clear()
        self.code.clear()
        self._source, problem = None, ""
        text = self._shown = self.file.text().strip()
        if text:
            try:
                source = read_source(Path(text))
                names = candidates(source)
            except UserError as error:
                problem = f"{error.message} {error.hint}"
            else:
                self._source = source
                self.symbol.addItems(names)
                self.symbol.setCurrentIndex(max(0, self.symbol.findText(before)))
                self.code.setPlainText(reveal(source.text))
                problem = " ".join(find_warnings(source.text))
                if not names:
                    problem = "The file defines no class or function. Choose another file."
        self._explain(problem)

    def _explain(self, problem: str) -> None:
        """Explain what agreeing means, or what is wrong."""
        is_known = self._source is not None and self._source.digest in self._trusted
        ok = self.buttons.button(QDialogButtonBox.StandardButton.Ok)
        ok.setText("Use it" if is_known else "Run this code and use it")
        ok.setEnabled(self.symbol.count() > 0)
        self._warning.setProperty("role", "warning" if problem else "muted")
        self._warning.style().polish(self._warning)
        self.digest.setText(f"SHA-256 {self._source.digest}" if self._source else "")
        self._warning.setText(
            problem
            or (
                "You have agreed to run this code before."
                if is_known
                else "Code can do anything that you can do on this computer. Run it only if you "
                "know where it comes from. You are asked again if the file changes; it is called "
                "with image_shape (channels, rows, columns) and num_classes if it has parameters "
                "of these names. It cannot import other files of its folder."
            )
        )
