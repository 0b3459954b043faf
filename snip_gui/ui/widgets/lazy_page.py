"""A page whose contents are created when first shown, so that the window opens sooner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from PySide6.QtWidgets import QVBoxLayout, QWidget

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtGui import QShowEvent

W = TypeVar("W", bound=QWidget)


class LazyPage(QWidget, Generic[W]):
    """A container of one widget, which is created on demand.

    Parameters
    ----------
    by_show
        Whether to create it on a show event. In a dock it is False: Qt also shows docks behind a
        tab, so the owner must access `content` once the dock is visible.
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
        """The widget; None before it has been created."""
        return self._content

    @property
    def content(self) -> W:
        """The widget; created if necessary."""
        if self._content is None:
            self._content = self._make()
            self._column.addWidget(self._content)
            self._content.show()  # otherwise it would be shown only later
        return self._content

    def showEvent(self, event: QShowEvent) -> None:
        """Create the widget."""
        if self._by_show:
            _ = self.content
        super().showEvent(event)
