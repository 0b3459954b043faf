"""The file of a run with the moves of its mask; see `snip_gui.core.training.mask_moves`. No torch.

The result does not depend on it: a run whose moves cannot be written or read is complete.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from snip_gui.core.base.errors import DiskFullError
from snip_gui.core.base.files import open_regular, read_error, write_error
from snip_gui.core.base.text import size_text
from snip_gui.core.runs.folder import MOVES
from snip_gui.core.training.mask_moves import HEADER, MOST_BYTES, MaskMoves, Move

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import IO

    import numpy as np
    from numpy.typing import NDArray


def read_moves(folder: Path, num_bytes: int, last_step: int | None = None) -> MaskMoves:
    """Read the moves of a run's mask; there are none if the file is missing.

    The rest of a file is ignored from the first move on that is incomplete, damaged or too late.

    Parameters
    ----------
    num_bytes
        Size of a packed mask of the network.
    last_step
        Step of the last move to read; None for all.

    Raises
    ------
    UserError
        If the file cannot be read.
    """
    moves = MaskMoves(num_bytes)
    path = folder / MOVES
    try:
        with open_regular(path, follow_links=False) as file:
            for move in _stored(file):
                if last_step is not None and move.step > last_step:
                    break
                moves.add(move)
    except FileNotFoundError:
        pass
    except ValueError:  # damaged: what comes before it can be used
        pass
    except OSError as error:
        raise read_error(path, error) from error
    return moves


def _stored(file: IO[bytes]) -> Iterator[Move]:
    """Yield the complete moves in a file."""
    total = 0
    while len(header := file.read(HEADER.size)) == HEADER.size:
        step, size = HEADER.unpack(header)
        total += HEADER.size + size
        if total > MOST_BYTES:
            return
        changes = file.read(size)
        if len(changes) < size:
            return
        yield Move(step, changes)


class MoveFile:
    """Appends moves to the file of a run, until it is too large.

    Parameters
    ----------
    first_step
        Step at which training begins or resumes; later moves in the file are dropped.

    Raises
    ------
    UserError
        If the file cannot be read.
    """

    def __init__(self, folder: Path, num_bytes: int, first_step: int) -> None:
        self._path = folder / MOVES
        self._moves = read_moves(folder, num_bytes, first_step)
        self._size = sum(len(move.encode()) for move in self._moves.all())
        self._warned = ""

    def add(self, step: int, packed_B: NDArray[np.uint8]) -> tuple[bool, str]:
        """Record a mask, if it has changed.

        Returns
        -------
        is_new
            Whether the mask differs from the one before.
        warning
            Why moves are no longer recorded; given once, otherwise empty.
        """
        move = self._moves.find_move(step, packed_B)
        if move is None:
            return False, ""
        record = move.encode()
        if self._size + len(record) > MOST_BYTES:
            return True, self._warn(
                f"The moves of the mask take {size_text(MOST_BYTES)}: later ones are not recorded."
            )
        try:
            with self._path.open("r+b" if self._path.exists() else "wb") as file:
                file.truncate(self._size)  # what a failed write or a later training has left
                file.seek(self._size)
                file.write(record)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.truncate(self._path, self._size)
            problem = write_error(self._path, error)
            hint = " They are recorded again once there is space."
            what = f"{problem.message} The moves of the mask are not recorded; the run continues."
            return True, self._warn(what + (hint if isinstance(problem, DiskFullError) else ""))
        self._moves.add(move)
        self._size += len(record)
        self._warned = ""
        return True, ""

    def _warn(self, text: str) -> str:
        if text == self._warned:
            return ""
        self._warned = text
        return text
