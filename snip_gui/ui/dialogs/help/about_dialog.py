"""About: versions, licences and how to cite the method."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

import pyqtgraph
import PySide6
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from snip_gui import __version__
from snip_gui.ui.widgets.naming import named
from snip_gui.ui.widgets.plain_text import Label

if TYPE_CHECKING:
    from snip_gui.session.state.session_state import SessionState

BIBTEX = """@inproceedings{lee2019snip,
  title     = {{SNIP}: Single-shot Network Pruning based on Connection Sensitivity},
  author    = {Lee, Namhoon and Ajanthan, Thalaiyasingam and Torr, Philip H. S.},
  booktitle = {International Conference on Learning Representations},
  year      = {2019}
}"""

_LICENCES = (
    "This program: MIT. Qt for Python: LGPL 3. PyTorch and torchvision: BSD 3-clause. pyqtgraph: "
    "MIT. NumPy: BSD 3-clause. Pillow: MIT-CMU. safetensors: Apache 2.0. msgspec: BSD 3-clause. "
    "platformdirs: MIT. requests: Apache 2.0.\n"
    "Built-in images: Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak, UCI "
    "Machine Learning Repository, CC BY 4.0; enlarged to 28x28."
)


class AboutDialog(QDialog):
    """About the program: versions, licences and how to cite the method."""

    def __init__(self, details_text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("About SNIP explorer")
        self.setObjectName("about_dialog")
        title = Label(f"SNIP explorer {__version__}")
        title.setProperty("role", "heading")
        what = Label(
            "Look inside single-shot network pruning based on connection sensitivity, by Namhoon "
            "Lee, Thalaiyasingam Ajanthan and Philip H. S. Torr."
        )
        what.setWordWrap(True)
        cite = named(QPlainTextEdit(BIBTEX), "about_bibtex", "How to cite the paper")
        cite.setReadOnly(True)
        cite.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        cite.setFixedHeight(124)
        details = named(QPlainTextEdit(details_text), "about_versions", "Versions and settings")
        details.setReadOnly(True)
        licences = Label(_LICENCES)
        licences.setWordWrap(True)
        licences.setProperty("role", "muted")
        licences.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        copy_cite = named(QPushButton("Copy BibTeX"), "copy_bibtex", "Copy BibTeX")
        copy_cite.clicked.connect(lambda: QGuiApplication.clipboard().setText(BIBTEX))
        copy = named(QPushButton("Copy diagnostics"), "copy_diagnostics", "Copy diagnostics")
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(details_text))
        buttons.addButton(copy_cite, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.addButton(copy, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setSpacing(8)
        for widget in (title, what, cite, details, licences, buttons):
            column.addWidget(widget)
        self.resize(640, 560)


def diagnostics(state: SessionState) -> str:
    """Return versions, devices and settings as text."""
    found = dict(state.versions) | {
        "snip-gui": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "PySide6": PySide6.__version__,
        "pyqtgraph": pyqtgraph.__version__,
        "Qt platform": QGuiApplication.platformName(),
    }
    found["devices"] = ", ".join(title for _, title in state.devices) or "torch not loaded"
    environment = state.preferences.environment
    found["chosen device"] = environment.device
    found["threads"] = str(environment.num_threads)
    return "\n".join(f"{name}: {value}" for name, value in found.items())
