"""How a mask moved while the network was trained: packed differences, one after another. No torch.

In a file each move is its step and the size of what follows (little-endian, eight bytes each), then
the bits that changed, compressed with zlib. The bits are those of all prunable tensors in flat
order, each tensor zero-padded to whole bytes; before the first move nothing is kept.

Shapes: B bytes of a packed mask.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from snip_gui.core.graph.layout import Layout

MOST_BYTES = 200_000_000
"""Size of all moves of a run at which no more are recorded."""

HEADER = struct.Struct("<QQ")
_LEVEL = 1  # changes are few: higher levels take longer and save little


def pack_masks(masks: Mapping[str, NDArray[np.generic]], layout: Layout) -> NDArray[np.uint8]:
    """Return masks by tensor, nonzero where kept, as the bytes (B) of a packed mask."""
    return np.concatenate([np.packbits(masks[t.name].reshape(-1) != 0) for t in layout.tensors])


def unpack_masks(packed_B: NDArray[np.uint8], layout: Layout) -> dict[str, NDArray[np.bool_]]:
    """Return the mask of each tensor by name, in its shape."""
    masks: dict[str, NDArray[np.bool_]] = {}
    start = 0
    for tensor in layout.tensors:
        end = start + _num_bytes(tensor.size)
        bits = np.unpackbits(packed_B[start:end], count=tensor.size)
        masks[tensor.name] = bits.astype(bool).reshape(tensor.shape)
        start = end
    return masks


def count_kept(packed_B: NDArray[np.uint8], layout: Layout) -> dict[str, int]:
    """Return the number of kept connections of each layer."""
    counts = dict.fromkeys(layout.layers, 0)
    start = 0
    for tensor in layout.tensors:
        end = start + _num_bytes(tensor.size)
        counts[tensor.layer] += int(np.bitwise_count(packed_B[start:end]).sum())
        start = end
    return counts


def packed_size(layout: Layout) -> int:
    """Return the number of bytes B of a packed mask."""
    return sum(_num_bytes(tensor.size) for tensor in layout.tensors)


def _num_bytes(num_bits: int) -> int:
    return (num_bits + 7) // 8


@dataclass(frozen=True, slots=True)
class Move:
    """The connections that changed since the move before, compressed."""

    step: int
    changes: bytes

    def encode(self) -> bytes:
        """Return the move as in a file."""
        return HEADER.pack(self.step, len(self.changes)) + self.changes


class MaskMoves:
    """The moves of one mask, of which any state can be restored.

    Parameters
    ----------
    num_bytes
        Size B of a packed mask.
    """

    def __init__(self, num_bytes: int) -> None:
        self._now_B = np.zeros(num_bytes, np.uint8)
        self._moves: list[Move] = []
        self._at = -1  # the move that `_shown_B` is the result of
        self._shown_B = np.zeros(num_bytes, np.uint8)

    @property
    def steps(self) -> tuple[int, ...]:
        """The step of each move."""
        return tuple(move.step for move in self._moves)

    def all(self) -> tuple[Move, ...]:
        """Return all moves."""
        return tuple(self._moves)

    def find_move(self, step: int, packed_B: NDArray[np.uint8]) -> Move | None:
        """Return the move to another mask; None if it is the same."""
        changes_B = packed_B ^ self._now_B
        if self._moves and not changes_B.any():
            return None
        return Move(step, zlib.compress(changes_B.tobytes(), _LEVEL))

    def add(self, move: Move) -> None:
        """Add a move.

        Raises
        ------
        ValueError
            If it belongs to another network, or is damaged.
        """
        self._now_B = self._now_B ^ self._changes(move)
        self._moves.append(move)

    def mask_after(self, number: int) -> NDArray[np.uint8]:
        """Return the packed mask (B) after a move, by index."""
        number = range(len(self._moves))[number]
        # Applying a move twice takes it back, so that neighbours are found at once.
        while self._at < number:
            self._at += 1
            self._shown_B = self._shown_B ^ self._changes(self._moves[self._at])
        while self._at > number:
            self._shown_B = self._shown_B ^ self._changes(self._moves[self._at])
            self._at -= 1
        return self._shown_B

    def _changes(self, move: Move) -> NDArray[np.uint8]:
        decoder = zlib.decompressobj()
        size = len(self._now_B)
        try:
            raw = decoder.decompress(move.changes, size + 1)
        except zlib.error as error:
            raise ValueError(f"a move of the mask is damaged: {error}") from error
        if len(raw) != size:
            raise ValueError("a move of the mask belongs to another network")
        return np.frombuffer(raw, np.uint8)
