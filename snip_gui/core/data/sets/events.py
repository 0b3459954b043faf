"""What reading a data set yields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from snip_gui.core.base.events import Event

if TYPE_CHECKING:
    from snip_gui.core.data.images.image_set import ImageSet
    from snip_gui.core.data.sets.listing import Listing


@dataclass(frozen=True, slots=True, eq=False)
class ImagesListed(Event):
    """The files of a data set are known; none of them was opened yet."""

    listing: Listing


@dataclass(frozen=True)
class BadFile:
    """A file that cannot be read, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class FilesUnreadable(Event):
    """Some files of a data set cannot be read: they are skipped, or the set is refused."""

    files: tuple[BadFile, ...]
    skipped: bool

    @property
    def text(self) -> str:
        """Every file with its reason, one a line."""
        verb = "Skipped" if self.skipped else "Cannot read"
        return "\n".join(f"{verb} “{file.path}”: {file.reason}." for file in self.files)


@dataclass(frozen=True)
class ImagesLoaded(Event):
    """A data set can be used."""

    images: ImageSet
