"""How the layers of a network are joined, and what a mask leaves connected of it. No torch.

A *slot* is a unit, a channel or a pixel: an index along axis 1 of a tensor. A `Wiring` is the list
of the network's tensors in the order in which they are made, each with where its slots come from;
`snip_gui.core.graph.trace_wiring` makes it once of a network. Following the kept connections
through it, forward from the input and backward from the output, tells which slots lie on a path.

Biases carry nothing from the input and do not count. What is not known in detail (a recurrent cell,
attention) is taken to join all that goes in with all that comes out: then too much may count as
connected, never too little.

Shapes: S slots of a tensor, O outputs and I inputs of a layer, G groups of a convolution.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

StepKind: TypeAlias = Literal["source", "join", "same", "sum", "concat", "mix"]


@dataclass(frozen=True, slots=True)
class Step:
    """A tensor, and where its slots come from.

    Attributes
    ----------
    kind
        ``source``: the images. ``join``: a layer whose weights join inputs to outputs. ``same``,
        ``sum`` and ``concat``: the slots of the inputs as they are, added up, or after one another.
        ``mix``: every slot may depend on every slot of the inputs.
    num_slots, block
        How many slots there are, and how many places along axis 1 each of them has: more than one
        after a flattening.
    inputs
        Numbers of the steps that it is made of.
    layer
        The layer whose weights do it; empty if there is none.
    groups
        Of a joining layer: inputs and outputs are divided into so many, joined one to one.
    """

    kind: StepKind
    num_slots: int
    block: int = 1
    inputs: tuple[int, ...] = ()
    layer: str = ""
    groups: int = 1


@dataclass(frozen=True)
class Wiring:
    """The tensors of a network in the order in which they are made.

    Attributes
    ----------
    outputs
        Numbers of the steps that the network gives back.
    """

    steps: tuple[Step, ...]
    outputs: tuple[int, ...]

    @functools.cached_property
    def step_by_layer(self) -> dict[str, int]:
        """By layer the number of its step: the first if it is used several times."""
        found: dict[str, int] = {}
        for number, step in enumerate(self.steps):
            if step.layer:
                found.setdefault(step.layer, number)
        return found

    @functools.cached_property
    def used_again(self) -> frozenset[str]:
        """Layers that are used more than once."""
        layers = [step.layer for step in self.steps if step.layer]
        return frozenset(layer for layer in layers if layers.count(layer) > 1)

    def feeders(self, number: int) -> tuple[int, ...]:
        """Return the steps with weights, or the source, that a step's slots come from, in order."""
        found: set[int] = set()
        ahead = list(self.steps[number].inputs)
        while ahead:
            before = ahead.pop()
            step = self.steps[before]
            if step.layer or step.kind == "source":
                found.add(before)
            else:
                ahead += step.inputs
        return tuple(sorted(found))


@dataclass(frozen=True, eq=False)
class Reach:
    """What a mask leaves connected.

    Attributes
    ----------
    reached, leading
        By step, which slots some input reaches, and which lead to some output.
    """

    wiring: Wiring
    reached: tuple[NDArray[np.bool_], ...]
    leading: tuple[NDArray[np.bool_], ...]

    @property
    def num_outputs(self) -> int:
        """Outputs of the network."""
        return sum(self.wiring.steps[number].num_slots for number in self.wiring.outputs)

    @property
    def num_reached(self) -> int:
        """Outputs of the network that some input still reaches."""
        return sum(int(self.reached[number].sum()) for number in self.wiring.outputs)

    def alive(self, number: int) -> NDArray[np.bool_]:
        """Return which slots of a step lie on a path from the input to an output."""
        return self.reached[number] & self.leading[number]

    def find_ends(self, layer: str) -> tuple[NDArray[np.bool_], NDArray[np.bool_]] | None:
        """Return which outputs (O) of a layer lead on, and which inputs (I) are reached.

        None for a layer that is not followed connection by connection.
        """
        number = self.wiring.step_by_layer.get(layer)
        if number is None or self.wiring.steps[number].kind != "join":
            return None
        if layer in self.wiring.used_again:
            return None
        (before,) = self.wiring.steps[number].inputs
        inputs_I = np.repeat(self.reached[before], self.wiring.steps[before].block)
        return self.leading[number], inputs_I


def reach(wiring: Wiring, joined: Callable[[str], NDArray[np.bool_] | None]) -> Reach:
    """Follow the kept connections through a network.

    Parameters
    ----------
    joined
        Gives for a layer the (O, I / G) matrix of which output has a kept weight to which input of
        its group; None for a layer that is whole.
    """
    matrices = {
        number: joined(step.layer)
        for number, step in enumerate(wiring.steps)
        if step.kind == "join"
    }
    reached: list[NDArray[np.bool_]] = []
    for number, step in enumerate(wiring.steps):
        reached.append(_forward(wiring, step, matrices.get(number), reached))
    leading = [np.zeros(step.num_slots, bool) for step in wiring.steps]
    for number in wiring.outputs:
        leading[number][:] = True
    for number in reversed(range(len(wiring.steps))):
        _backward(wiring, wiring.steps[number], matrices.get(number), leading[number], leading)
    return Reach(wiring, tuple(reached), tuple(leading))


def _forward(
    wiring: Wiring,
    step: Step,
    matrix: NDArray[np.bool_] | None,
    reached: list[NDArray[np.bool_]],
) -> NDArray[np.bool_]:
    """Return which slots of a step the input reaches."""
    inputs = [reached[number] for number in step.inputs]
    match step.kind:
        case "source":
            return np.ones(step.num_slots, bool)
        case "same":
            return inputs[0]
        case "sum":
            return np.asarray(np.logical_or.reduce(inputs))
        case "concat":
            return np.concatenate(inputs)
        case "mix":
            return np.full(step.num_slots, any(bool(into.any()) for into in inputs))
    into_GI = np.repeat(inputs[0], wiring.steps[step.inputs[0]].block).reshape(step.groups, -1)
    if matrix is None:
        return np.repeat(into_GI.any(1), step.num_slots // step.groups)
    matrix_GOI = matrix.reshape(step.groups, -1, into_GI.shape[1])
    out: NDArray[np.bool_] = (matrix_GOI & into_GI[:, None]).any(2).reshape(-1)
    return out


def _backward(
    wiring: Wiring,
    step: Step,
    matrix: NDArray[np.bool_] | None,
    leads_S: NDArray[np.bool_],
    leading: list[NDArray[np.bool_]],
) -> None:
    """Note of a step's inputs which slots lead to an output through it."""
    first = 0
    for number in step.inputs:
        before = wiring.steps[number]
        match step.kind:
            case "same" | "sum":
                leading[number] |= leads_S
            case "concat":
                leading[number] |= leads_S[first : first + before.num_slots]
                first += before.num_slots
            case "mix":
                leading[number] |= leads_S.any()
            case "join":
                leads_I = _inputs_that_lead(step, before, matrix, leads_S)
                leading[number] |= leads_I.reshape(-1, before.block).any(1)


def _inputs_that_lead(
    step: Step, before: Step, matrix: NDArray[np.bool_] | None, leads_O: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Return which inputs (I) of a layer are joined to an output that leads on."""
    num_inputs = before.num_slots * before.block // step.groups
    leads_GO = leads_O.reshape(step.groups, -1)
    if matrix is None:
        whole: NDArray[np.bool_] = np.repeat(leads_GO.any(1), num_inputs)
        return whole
    matrix_GOI = matrix.reshape(step.groups, -1, num_inputs)
    into: NDArray[np.bool_] = (matrix_GOI & leads_GO[:, :, None]).any(1).reshape(-1)
    return into


def join_units(values: NDArray[Any]) -> NDArray[Any]:
    """Reduce what is known of each weight (O, I, ...) to pairs of units (O, I).

    Two units are joined while any weight of their kernel is kept.

    Parameters
    ----------
    values
        Whether each weight is kept, or a rank that is lower the longer it is kept.
    """
    if values.ndim == 2:
        return values
    places = np.moveaxis(values.reshape(*values.shape[:2], -1), 2, 0)
    # One comparison for each place in a kernel: twice as fast as a minimum over so short an axis.
    return functools.reduce(np.logical_or if values.dtype == bool else np.minimum, places)


def num_on_paths(
    find_kept: Callable[[Callable[[NDArray[Any]], NDArray[Any]]], NDArray[np.bool_]],
    shape: tuple[int, ...],
    leads_O: NDArray[np.bool_],
    reached_I: NDArray[np.bool_],
) -> int:
    """Return how many kept weights of a layer lie on a path from the input to an output.

    Parameters
    ----------
    find_kept
        Given a function that cuts a part out of an array of the layer's shape, returns which
        weights of that part are kept.
    shape
        (O, I, ...) of the layer, with I the inputs of one group.
    leads_O, reached_I
        Which outputs lead on, and which inputs, of all groups, are reached.
    """
    outputs, into = shape[:2]
    if not (leads_O.any() and reached_I.any()):
        return 0
    reached_GI = reached_I.reshape(-1, into)
    group_O = np.repeat(np.arange(len(reached_GI)), outputs // len(reached_GI))
    rows: NDArray[np.bool_] | slice = slice(None)
    columns: NDArray[np.bool_] | slice = slice(None)
    # Fewer are looked at first where that is less than half: copying them costs as well.
    if 2 * np.count_nonzero(leads_O) < outputs:
        rows, group_O, leads_O = leads_O, group_O[leads_O], leads_O[leads_O]
    if len(reached_GI) == 1 and 2 * np.count_nonzero(reached_I) < into:
        columns, reached_GI = reached_I, np.ones((1, 1), bool)
    kept_OIP = find_kept(lambda values: values.reshape(outputs, into, -1)[rows][:, columns])
    if not reached_GI.all():
        kept_OIP &= reached_GI[group_O][:, :, None]
    if not leads_O.all():
        kept_OIP &= leads_O[:, None, None]
    return int(np.count_nonzero(kept_OIP))
