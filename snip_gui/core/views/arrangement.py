"""Arrangement of the connections of a layer on a plane.

Fully connected layers are matrices of outputs x inputs. With *kernels*, each output of a
convolution is a strip of kernels, one per input channel, with gaps in between; strips are stacked
in as many columns as make the plane roughly square. With *channels*, kernels are adjacent, outputs
down and input channels across, and each counts as one block.

Shapes: H rows and W columns of the plane, O outputs, I inputs.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from snip_gui.core.graph.layout import TensorSpec

T = TypeVar("T", bound=np.generic)

Style: TypeAlias = Literal["kernels", "channels"]
Rectangle: TypeAlias = tuple[int, int, int, int]
"""Row, column, height and width, in pixels of the plane."""


@dataclass(frozen=True, eq=False)
class Arrangement:
    """The arrangement of a weight tensor.

    Attributes
    ----------
    units, sources
        Order of the outputs and inputs; None for their natural order.
    """

    tensor: TensorSpec
    style: Style = "kernels"
    units: NDArray[np.int64] | None = None
    sources: NDArray[np.int64] | None = None

    @property
    def is_matrix(self) -> bool:
        """Whether it is a matrix of outputs x inputs: fully connected, or with 1x1 kernels."""
        return math.prod(self.tensor.shape[2:]) == 1

    @functools.cached_property
    def kernel_shape(self) -> tuple[int, int, int, int]:
        """Outputs, inputs, and height and width of the arranged kernels.

        A one-dimensional kernel is a row; the slices of a three-dimensional one are stacked.
        """
        out, into, *sides = self.tensor.shape
        if self.is_matrix:
            return out, into, 1, 1
        return out, into, math.prod(sides[:-1]), sides[-1]

    @property
    def has_no_gaps(self) -> bool:
        """Whether there is a connection under every pixel."""
        return self.is_matrix or self.style == "channels"

    @property
    def _gap(self) -> int:
        return 0 if self.has_no_gaps else 1

    @functools.cached_property
    def _strips_down(self) -> int:
        """Number of strips in a column."""
        out, into, height, width = self.kernel_shape
        if not self._gap:
            return out
        down = min(out, max(1, round(math.sqrt(out * (into * (width + 1) + 1) / (height + 1)))))
        return -(-out // -(-out // down))  # the same number of columns, evenly filled

    @property
    def _pitch(self) -> tuple[int, int, int]:
        """Distance in rows between strips, and in columns between kernels and between strips."""
        _, into, height, width = self.kernel_shape
        gap = self._gap
        return height + gap, width + gap, into * (width + gap) + gap

    @functools.cached_property
    def size(self) -> tuple[int, int]:
        """Rows and columns of the plane."""
        strips = -(-self.kernel_shape[0] // self._strips_down)
        down, _, across = self._pitch
        return self._strips_down * down - self._gap, strips * across - 2 * self._gap

    @property
    def least_block(self) -> tuple[int, int]:
        """The smallest block that is shown as one pixel, in rows and columns."""
        return self.kernel_shape[2:] if self.style == "channels" else (1, 1)

    def place(self, values: NDArray[T], gap: int) -> NDArray[T]:
        """Arrange values of the tensor's connections, with ``gap`` in gaps; a view if possible."""
        values = values.reshape(self.kernel_shape)
        if self.units is not None:
            values = values[self.units]
        if self.sources is not None:
            values = values[:, self.sources]
        if self.is_matrix:
            return values.reshape(self.kernel_shape[:2])
        if not self._gap:
            return values.transpose(0, 2, 1, 3).reshape(self.size)
        return self._mosaic(values, gap)

    def _mosaic(self, values: NDArray[T], gap: int) -> NDArray[T]:
        """Arrange kernels in strips, one pixel between kernels and two between strips."""
        out, into, height, width = values.shape
        down = self._strips_down
        columns = -(-out // down)
        shape = (columns * down, height + 1, into, width + 1)
        strips: NDArray[T] = np.full(shape, gap, values.dtype)
        strips[:out, :height, :, :width] = values.transpose(0, 2, 1, 3)
        tall = strips.reshape(columns, down * (height + 1), into * (width + 1))
        wide = (tall.shape[1], columns, tall.shape[2] + 1)
        canvas: NDArray[T] = np.full(wide, gap, values.dtype)
        canvas[:, :, :-1] = tall.transpose(1, 0, 2)
        return np.ascontiguousarray(canvas.reshape(tall.shape[1], -1)[:-1, :-2])

    @functools.cached_property
    def present_HW(self) -> NDArray[np.uint8]:
        """1 at connections, 0 in gaps."""
        return self.place(np.ones(self.tensor.shape, np.uint8), 0)

    def choose(self, chosen_HW: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return the connections at chosen pixels, in the tensor's shape.

        With *channels*, a kernel is chosen as a whole.
        """
        shape, size = self.tensor.shape, self.tensor.size
        number_HW = self.place(np.arange(1, size + 1).reshape(shape), 0)
        chosen = np.zeros(size + 1, bool)
        chosen[number_HW[chosen_HW]] = True
        found: NDArray[np.bool_] = chosen[1:].reshape(shape)
        if self.style == "channels" and not self.is_matrix:
            of_kernel = found.reshape(*shape[:2], -1).any(axis=2)
            found = np.broadcast_to(of_kernel.reshape(*shape[:2], *(1 for _ in shape[2:])), shape)
        return found

    def position_at(self, row: int, column: int) -> tuple[int, ...] | None:
        """Return the position in the tensor under a pixel; None in a gap or outside."""
        out, into, height, width = self.kernel_shape
        if not (0 <= row < self.size[0] and 0 <= column < self.size[1]):
            return None
        down, across, strip_width = self._pitch
        strip_row, kernel_row = divmod(row, down)
        strip, within = divmod(column, strip_width)
        channel, kernel_column = divmod(within, across)
        unit = strip * self._strips_down + strip_row
        if unit >= out or channel >= into or kernel_row >= height or kernel_column >= width:
            return None
        if self.units is not None:
            unit = int(self.units[unit])
        if self.sources is not None:
            channel = int(self.sources[channel])
        found = np.unravel_index(kernel_row * width + kernel_column, self.tensor.shape[2:])
        return unit, channel, *(int(index) for index in found)

    def rectangles(
        self, unit: int | None, source: int | None, place: tuple[int, ...] = ()
    ) -> tuple[Rectangle, ...]:
        """Return the rectangles of an output, an input, and the connection between them."""
        found: list[Rectangle] = []
        if unit is not None:
            found.append(self._find_strip(unit))
        if source is not None:
            found += self._find_columns(source)
        if unit is not None and source is not None:
            found.append(self._between(unit, source, place))
        return tuple(found)

    def _find_strip(self, unit: int) -> Rectangle:
        """Return the rectangle of an output's kernels."""
        down, across, strip_width = self._pitch
        strip, strip_row = divmod(_stands(self.units, unit), self._strips_down)
        _, into, height, _ = self.kernel_shape
        return strip_row * down, strip * strip_width, height, into * across - self._gap

    def _find_columns(self, source: int) -> list[Rectangle]:
        """Return the rectangles of an input's kernels, one for each column of strips."""
        _, across, strip_width = self._pitch
        height, width = self.size
        over = _stands(self.sources, source) * across
        return [
            (0, left + over, height, self.kernel_shape[3]) for left in range(0, width, strip_width)
        ]

    def _between(self, unit: int, source: int, place: tuple[int, ...]) -> Rectangle:
        """Return the rectangle of the kernel between an output and an input, or of one weight."""
        top, left, height, _ = self._find_strip(unit)
        left += _stands(self.sources, source) * self._pitch[1]
        width = self.kernel_shape[3]
        if not place:
            return top, left, height, width
        row, column = divmod(int(np.ravel_multi_index(place, self.tensor.shape[2:])), width)
        return top + row, left + column, 1, 1


def _stands(order: NDArray[np.int64] | None, index: int) -> int:
    """Return the position of an index in an order."""
    return index if order is None else int(np.flatnonzero(order == index)[0])


def by_number_kept(
    kept_OI: NDArray[np.integer],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return outputs and inputs by number of kept connections, in descending order.

    Parameters
    ----------
    kept_OI
        Number of connections kept between each output and each input.
    """
    of_unit, of_source = kept_OI.sum(axis=1), kept_OI.sum(axis=0)
    return np.argsort(-of_unit, kind="stable"), np.argsort(-of_source, kind="stable")
