"""The manual: the pages of the documentation, searchable, in the window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QUrl, Slot
from PySide6.QtGui import QDesktopServices, QTextCursor, QTextDocument
from PySide6.QtWidgets import (
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QSplitter,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from snip_gui.core.base.resources import resource
from snip_gui.ui.widgets.naming import named

if TYPE_CHECKING:
    from collections.abc import Mapping

# The usual order of reading; other pages follow by name.
_FIRST = ("tour.md", "glossary.md", "methods.md", "networks.md", "reproducing.md")
_SHORTCUTS = "shortcuts"


class _PageText(QTextBrowser):
    """Text that loads nothing: neither pictures nor other files."""

    def loadResource(self, _kind: int, _url: QUrl | str) -> None:
        """Load nothing."""


def manual_pages(shortcuts: str) -> dict[str, str]:
    """Return the pages as Markdown by file name, in the order of reading.

    Parameters
    ----------
    shortcuts
        The page on keyboard shortcuts.
    """
    names = sorted(path.name for path in resource("docs").iterdir() if path.name.endswith(".md"))
    order = [*_FIRST, *(name for name in names if name not in _FIRST)]
    pages = {name: resource("docs", name).read_text(encoding="utf-8") for name in order}
    first = _FIRST[0]
    return {first: pages.pop(first), _SHORTCUTS: shortcuts, **pages}


def page_title(text: str) -> str:
    """Return the first heading of a page."""
    headings = (line.lstrip("# ") for line in text.splitlines() if line.startswith("# "))
    return next(headings, "Untitled")


class ManualPanel(QWidget):
    """Pages on the left, text on the right; the search narrows the pages and marks the words."""

    def __init__(self, pages: Mapping[str, str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pages = pages
        self.search = named(QLineEdit(), "manual_search", "Search", "Enter finds the next place")
        self.search.setPlaceholderText("Search the manual")
        self.search.setClearButtonEnabled(True)
        self.list = named(QListWidget(), "manual_pages", "Pages")
        self.text = named(_PageText(), "manual_text", "Manual")
        self.text.setOpenLinks(False)
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.search)
        column.addWidget(self.list, 1)
        splitter = QSplitter()
        splitter.addWidget(left)
        splitter.addWidget(self.text)
        splitter.setStretchFactor(1, 1)
        splitter.setSizes([200, 600])
        whole = QVBoxLayout(self)
        whole.setContentsMargins(6, 6, 6, 6)
        whole.addWidget(splitter)
        for name, text in pages.items():
            item = QListWidgetItem(page_title(text), self.list)
            item.setData(Qt.ItemDataRole.UserRole, name)
        self.list.currentItemChanged.connect(self._on_page)
        self.search.textChanged.connect(self._on_search)
        self.search.returnPressed.connect(self._find_next)
        self.text.anchorClicked.connect(self._on_link)
        self.list.setCurrentRow(0)

    def show_page(self, name: str) -> None:
        """Show a page by file name, if there is one."""
        for row in range(self.list.count()):
            if self.list.item(row).data(Qt.ItemDataRole.UserRole) == name:
                self.list.setCurrentRow(row)

    @Slot()
    def _on_page(self) -> None:
        item = self.list.currentItem()
        if item is not None:
            self.text.setMarkdown(self._pages[item.data(Qt.ItemDataRole.UserRole)])
            self._find_next()

    @Slot(str)
    def _on_search(self, words: str) -> None:
        """Show only the pages that contain the words, and go to the first place."""
        wanted, shown = words.casefold().strip(), []
        for row in range(self.list.count()):
            item = self.list.item(row)
            found = wanted in self._pages[item.data(Qt.ItemDataRole.UserRole)].casefold()
            item.setHidden(not found)
            shown += [row] if found else []
        if shown and self.list.currentRow() not in shown:
            self.list.setCurrentRow(shown[0])
        else:
            self._find_next(from_start=True)

    @Slot()
    def _find_next(self, *, from_start: bool = False) -> None:
        """Go to the next place of the words on the page; after the last, to the first."""
        words = self.search.text().strip()
        if not words:
            return
        if from_start:
            self.text.moveCursor(QTextCursor.MoveOperation.Start)
        if not self.text.find(words, QTextDocument.FindFlag(0)):
            self.text.moveCursor(QTextCursor.MoveOperation.Start)
            self.text.find(words, QTextDocument.FindFlag(0))

    @Slot(QUrl)
    def _on_link(self, url: QUrl) -> None:
        """Show another page of the manual, or open a web page in the browser."""
        if url.scheme() in ("http", "https"):
            QDesktopServices.openUrl(url)
        elif url.fileName() in self._pages:
            self.show_page(url.fileName())
        elif url.hasFragment():
            self.text.scrollToAnchor(url.fragment())
