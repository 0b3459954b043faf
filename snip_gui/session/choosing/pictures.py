"""Pixels for the window: at once for a data set in memory, otherwise once they are decoded.

Shapes: C channels, H rows, W columns.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from snip_gui.core.data.images.events import MeanImageMade, ThumbnailsDecoded
from snip_gui.core.data.images.image_set import mean_image
from snip_gui.core.data.images.store import FileStore
from snip_gui.session.jobs.lazily import lazily

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from snip_gui.core.base.events import Event
    from snip_gui.core.data.images.values import ValueScale
    from snip_gui.session.jobs.host import JobHost
    from snip_gui.session.jobs.job import Job
    from snip_gui.session.state.session_state import SessionState

_SIDE = 64  # longer side in pixels
_KEPT_BYTES = 64_000_000  # about five thousand thumbnails in colour
_GATHER_MS = 10  # scrolling requests many pictures in succession


class Pictures(QObject):
    """Training images for the grids, and the mean of the minibatch."""

    changed = Signal()  # more pictures are available
    mean_changed = Signal()

    def __init__(self, state: SessionState, host: JobHost, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state, self._host = state, host
        self._kept: OrderedDict[str, NDArray[np.uint8]] = OrderedDict()
        self._kept_bytes = 0
        self._wanted: dict[str, None] = {}  # in the order requested
        self._asked: set[str] = set()
        self._averaging: Job | None = None
        self._mean_CHW: NDArray[np.uint8] | None = None
        self._gather = QTimer(self, singleShot=True, interval=_GATHER_MS)
        self._gather.timeout.connect(self._ask)
        state.images_changed.connect(self._drop_unscaled)
        state.minibatch_changed.connect(self._find_mean)

    def picture(self, index: int) -> NDArray[np.uint8] | None:
        """Return an image (C, H, W), a thumbnail if it is in a file; None if not yet available."""
        images, source = self._state.images, self._state.minibatch.source
        own_CHW = source.own(index) if source is not None else None
        if own_CHW is not None:
            return own_CHW
        if images is not None and images.train_images.in_memory:
            picture_CHW: NDArray[np.uint8] = images.train_images.read([index])[0]
            return picture_CHW
        paths = self._paths()
        if index >= len(paths):  # a grid not yet notified of a change of images
            return None
        path = paths[index]
        if path in self._kept:
            self._kept.move_to_end(path)
            return self._kept[path]
        self._wanted[path] = None
        self._gather.start()
        return None

    @property
    def mean_CHW(self) -> NDArray[np.uint8] | None:
        """Mean of the minibatch; None if it is empty or not yet computed."""
        return self._mean_CHW

    def forget(self) -> None:
        """Drop all thumbnails, because the files are being listed again."""
        self._kept.clear()
        self._kept_bytes = 0

    def _paths(self) -> Sequence[str]:
        """Return the training files of a data set that is not in memory."""
        images, listing = self._state.images, self._state.listing
        if images is not None and isinstance(images.train_images, FileStore):
            return images.train_images.paths
        return listing.train_paths if listing is not None else ()

    def _scale(self) -> ValueScale | None:
        """Return the scale of the data set's values of more than 8 bits, if known."""
        images = self._state.images
        return None if images is None else images.train_images.scale

    @Slot()
    def _drop_unscaled(self) -> None:
        """Drop thumbnails that were decoded before the scale of their data set was known."""
        if self._scale() is not None:
            self.forget()

    @Slot()
    def _ask(self) -> None:
        """Decode the pictures requested last; earlier ones are no longer visible."""
        wanted, self._wanted = self._wanted, {}
        # A grid may be painted once more while the window is closing.
        if not (wanted.keys() <= self._asked or self._host.is_closed):
            self._asked = set(wanted)
            job = lazily(
                "snip_gui.core.data.images.thumbnails:decode_thumbnails",
                tuple(wanted),
                _SIDE,
                self._scale(),
            )
            decoding = self._host.submit("thumbnails", job, lane="io", short=True, background=True)
            decoding.happened.connect(self._on_event)
            decoding.ended.connect(self._on_decoded)

    @Slot()
    def _find_mean(self) -> None:
        """Compute the mean of the minibatch: at once, or in the background if it is on disk."""
        source, indices_K = self._state.minibatch.source, self._state.minibatch.indices_K
        self._mean_CHW = None
        if self._averaging is not None:
            self._averaging.drop()
        if source is None or len(indices_K) == 0:
            return
        if source.in_memory:
            self._mean_CHW = mean_image(source.read(indices_K))
        else:
            job = lazily("snip_gui.core.data.images.thumbnails:make_mean", source, indices_K)
            self._averaging = self._host.submit("mean", job, lane="io", short=True, background=True)
            self._averaging.happened.connect(self._on_event)

    @Slot(object)
    def _on_event(self, event: Event) -> None:
        match event:
            case ThumbnailsDecoded(pictures):
                self._keep(pictures)
                self.changed.emit()
            case MeanImageMade(image_CHW):
                self._mean_CHW = image_CHW
                self.mean_changed.emit()

    @Slot()
    def _on_decoded(self) -> None:
        self._asked = set()

    def _keep(self, pictures: dict[str, NDArray[np.uint8]]) -> None:
        """Store pictures; drop the least recently used."""
        for path, picture in pictures.items():
            before = self._kept.pop(path, None)
            self._kept_bytes += picture.nbytes - (0 if before is None else before.nbytes)
            self._kept[path] = picture
        while self._kept_bytes > _KEPT_BYTES:
            self._kept_bytes -= self._kept.popitem(last=False)[1].nbytes
