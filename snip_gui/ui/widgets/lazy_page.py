"""A page that is made when it is first seen, so that the window stands sooner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from PySide6.QtWidgets import QVBoxLayout, QWidget

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtGui import QShowEvent

W = TypeVar("W", bound=QWidget)


class LazyPage(QWidget, Generic[W]):
    """Holds one widget, once it was made.

    Parameters
    ----------
    by_show
        Whether it is made when it is shown. In a dock it is not: Qt shows docks behind a tab too,
        so that whoever knows that the dock is seen has to ask for the content.
    """

    def __init__(
        self, make: Callable[[], W], parent: QWidget | None = None, *, by_show: bool = True
    ) -> None:
        super().__init__(parent)
        self._make, self._by_show = make, by_show
        self._content: W | None = None
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)

    @property
    def made(self) -> W | None:
        """The widget; None before it was made."""
        return self._content

    @property
    def content(self) -> W:
        """The widget; made now if it was not before."""
        if self._content is None:
            self._content = self._make()
            self._column.addWidget(self._content)
            self._content.show()  # at once: of itself it would be shown only later
        return self._content

    def showEvent(self, event: QShowEvent) -> None:
        """Make the widget."""
        if self._by_show:
            _ = self.content
        super().showEvent(event)
