"""Pictures of very large layers, computed in the background."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from snip_gui.core.views.large_canvas import LevelMade
from snip_gui.session.jobs.lazily import lazily

if TYPE_CHECKING:
    from snip_gui.core.base.events import Event
    from snip_gui.core.views.large_canvas import LargeCanvas, Level, Look
    from snip_gui.session.jobs.host import JobHost

_FOLLOW_SLIDER = ("mask", "kept-sensitivity")


class LevelMaker(QObject):
    """Caches the last level of a canvas for each kind of picture."""

    made = Signal()

    def __init__(self, host: JobHost, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._host = host
        self._canvas: LargeCanvas | None = None
        self._known: dict[str, Level | str] = {}
        self._asked: tuple[str, int] | None = None

    def level(self, canvas: LargeCanvas, look: Look, num_kept: int) -> Level | str | None:
        """Return the cached level of a canvas, maybe for another number kept; None if missing.

        A missing level is computed in the background, only the last one requested; `made` is
        emitted when it is ready.
        """
        if canvas is not self._canvas:
            self._canvas, self._known, self._asked = canvas, {}, None
        wanted = num_kept if look in _FOLLOW_SLIDER else 0
        found = self._known.get(look)
        if found is None or (not isinstance(found, str) and found.num_kept != wanted):
            self._ask(canvas, look, wanted)
        return found

    def _ask(self, canvas: LargeCanvas, look: Look, num_kept: int) -> None:
        # A picture may be painted once more while the window is closing.
        if self._asked != (look, num_kept) and not self._host.is_closed:
            self._asked = (look, num_kept)
            job = lazily("snip_gui.core.views.large_canvas:make_level", canvas, look, num_kept)
            gathering = self._host.submit("level", job, lane="io", short=True, background=True)
            gathering.happened.connect(self._on_event)
            gathering.ended.connect(self._on_ended)

    @Slot(object)
    def _on_event(self, event: Event) -> None:
        if isinstance(event, LevelMade):
            self._known[event.look] = event.level
            self.made.emit()

    @Slot()
    def _on_ended(self) -> None:
        self._asked = None
