"""Whether information can still flow from the input to each output.

A network whose layers form a chain is followed unit by unit: an output unit of a layer is alive if
a kept weight joins it to an alive input unit. Biases carry nothing from the input and do not count.

Shapes: O outputs and I inputs of a layer (channels for a convolution).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Reach:
    """What a mask leaves connected.

    Attributes
    ----------
    num_outputs, num_reached
        Outputs of the network, and those that some input pixel can still reach.
    alive_units
        Per layer, units that can be reached from the input and reach an output.
    """

    num_outputs: int
    num_reached: int
    alive_units: dict[str, tuple[int, int]]


def reach(chain: Sequence[str], connected: Callable[[str], NDArray[np.bool_]]) -> Reach:
    """Follow the kept connections of a chain of layers.

    Parameters
    ----------
    chain
        Names of the layers from input to output.
    connected
        Gives for a layer the (O, I) matrix of which output has a kept weight to which input. Where
        a layer has more inputs than the one before has outputs, each output feeds a block of them
        (a flattened channel).
    """
    matrices = [connected(name) for name in chain]
    forward: list[NDArray[np.bool_]] = [np.ones(matrices[0].shape[1], bool)]
    for matrix_OI in matrices:
        inputs_I = _spread(forward[-1], matrix_OI.shape[1])
        forward.append(np.any(matrix_OI & inputs_I, axis=1))
    backward = [forward[-1]]
    for matrix_OI, before in zip(reversed(matrices), reversed(forward[:-1]), strict=True):
        inputs_I = np.any(matrix_OI & backward[-1][:, None], axis=0)
        backward.append(np.any(inputs_I.reshape(len(before), -1), axis=1) & before)
    backward.reverse()
    alive = {
        name: (int(units.sum()), len(units))
        for name, units in zip(chain, backward[1:], strict=True)
    }
    outputs = forward[-1]
    return Reach(len(outputs), int(outputs.sum()), alive)


def first_ranks(rank: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the (O, I) ranks of the connections between two units that are the last to go.

    Two units are joined while any weight of their kernel is kept, so while the lowest rank is.
    """
    if rank.ndim == 2:
        return rank
    places = np.moveaxis(rank.reshape(*rank.shape[:2], -1), 2, 0)
    # One comparison for each place in a kernel: twice as fast as a minimum over so short an axis.
    return functools.reduce(np.minimum, places)


def _spread(units: NDArray[np.bool_], num_inputs: int) -> NDArray[np.bool_]:
    """Repeat each unit over the block of inputs it feeds."""
    return np.repeat(units, num_inputs // len(units))
