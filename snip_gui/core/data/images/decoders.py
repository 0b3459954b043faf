"""Processes that decode image files in parallel with training.

They are spawned, never forked, because a process with Qt and torch does not survive a fork. They
import only NumPy and Pillow, so each starts quickly and takes little memory. No torch.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING

import numpy as np

from snip_gui.core.base.environment import safe_path
from snip_gui.core.base.errors import ImagesLostError
from snip_gui.core.data.images.decoding import decode_files

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence
    from concurrent.futures import Future

    from numpy.typing import NDArray

    from snip_gui.core.data.images.store import FileStore

    Decoded = Future[NDArray[np.uint8]]

# Small enough to share a batch among processes, large enough to be worth the message.
_FILES_PER_TASK = 32
_BYTES_AHEAD = 256 * 1024**2
_TASKS_AHEAD = 4  # per process


class Decoders:
    """A pool of decoding processes, started on first use, and restarted if used after `close`."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._pool: ProcessPoolExecutor | None = None

    def decode(
        self, batches: Iterable[Sequence[str]], store: FileStore
    ) -> Generator[NDArray[np.uint8], None, None]:
        """Yield the images (K, C, H, W) of each batch of files, in order, decoding ahead.

        Parameters
        ----------
        store
            Determines how files are decoded.

        Raises
        ------
        ImagesLostError
            If a file can no longer be read, or a process was killed.
        """
        tasks_ahead = _tasks_ahead(self._number, store.image_shape)
        ahead: deque[list[Decoded]] = deque()
        waiting = iter(batches)
        try:
            while True:
                while sum(map(len, ahead)) < tasks_ahead:
                    paths = next(waiting, None)
                    if paths is None:
                        break
                    ahead.append(self._submit(paths, store))
                if not ahead:
                    return
                yield np.concatenate([task.result() for task in ahead.popleft()])
        except BrokenProcessPool as error:
            self.close()
            raise ImagesLostError(
                "A process that was decoding images ended unexpectedly.",
                "If memory is short, close other programs or choose a smaller image size.",
                field="data.image_size",
            ) from error
        finally:
            for tasks in ahead:
                for task in tasks:
                    task.cancel()

    def close(self) -> None:
        """End the processes and wait for them."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None

    def _submit(self, paths: Sequence[str], store: FileStore) -> list[Decoded]:
        """Submit the files of a batch to the processes."""
        parts = [
            paths[start : start + _FILES_PER_TASK]
            for start in range(0, len(paths), _FILES_PER_TASK)
        ]
        with safe_path():  # the processes start here
            if self._pool is None:
                self._pool = ProcessPoolExecutor(
                    self._number,
                    mp_context=multiprocessing.get_context("spawn"),
                    initializer=_prepare,
                )
            return [
                self._pool.submit(decode_files, part, store.image_shape, store.scale)
                for part in parts
            ]


def _tasks_ahead(number: int, image_shape: tuple[int, int, int]) -> int:
    """Return how many tasks keep all processes busy without filling memory."""
    task_bytes = _FILES_PER_TASK * int(np.prod(image_shape))
    return max(1, min(number * _TASKS_AHEAD, _BYTES_AHEAD // task_bytes))


def _prepare() -> None:
    """Make this process end with its parent, and not earlier.

    An interrupt from a terminal reaches both, and only the parent is to handle it.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
