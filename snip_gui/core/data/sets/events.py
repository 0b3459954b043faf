"""Events of reading a data set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from snip_gui.core.base.events import Event

if TYPE_CHECKING:
    from snip_gui.core.data.images.image_set import ImageSet
    from snip_gui.core.data.sets.listing import Listing


@dataclass(frozen=True, slots=True, eq=False)
class ImagesListed(Event):
    """The files of a data set have been listed, but not opened yet."""

    listing: Listing


@dataclass(frozen=True)
class BadFile:
    """An unreadable file, and the reason."""

    path: str
    reason: str


@dataclass(frozen=True)
class FilesUnreadable(Event):
    """Some files of a data set are unreadable: they are skipped, or the data set is refused."""

    files: tuple[BadFile, ...]
    skipped: bool

    @property
    def text(self) -> str:
        """Every file with its reason, one per line."""
        verb = "Skipped" if self.skipped else "Cannot read"
        return "\n".join(f"{verb} “{file.path}”: {file.reason}." for file in self.files)


@dataclass(frozen=True)
class ImagesLoaded(Event):
    """A data set has been loaded."""

    images: ImageSet
