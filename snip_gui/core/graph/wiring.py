"""How the layers of a network are connected, and what stays connected under a mask. No torch.

A *slot* is a unit, a channel or a pixel: an index along axis 1 of a tensor. A `Wiring` lists the
tensors of a network in order of computation, each with the origin of its slots;
`snip_gui.core.graph.trace_wiring` builds it once per network. Following the kept connections
through it, forward from the input and backward from the output, yields the slots that lie on a
path.

Biases carry nothing from the input, but they change the output: a weight has an effect if it leads
to an output and the slot before it carries anything, from the input or from a bias. An operation
that is not known in detail (a recurrent cell, attention) is assumed to connect every input with
every output: too much may then count as connected, but never too little.

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
    """A tensor, and the origin of its slots.

    Attributes
    ----------
    kind
        ``source``: the images. ``join``: a layer whose weights connect inputs to outputs. ``same``,
        ``sum`` and ``concat``: the slots of the inputs unchanged, added up, or concatenated.
        ``mix``: every slot may depend on every slot of the inputs.
    num_slots, block
        Number of slots, and of elements along axis 1 that each slot has: more than one after
        flattening.
    inputs
        Indices of the steps that it is computed from.
    layer
        The layer whose weights compute it; empty if there is none.
    groups
        Number of groups of a joining layer; inputs and outputs of the same group are connected.
    has_bias
        Whether the layer has a bias.
    is_constant
        Whether slots without input carry a constant other than zero after it, as after a sigmoid.
    seen
        Of a convolution, the positions of its kernel that see the image anywhere, as indices of the
        flattened kernel; None for all. The others see padding alone.
    """

    kind: StepKind
    num_slots: int
    block: int = 1
    inputs: tuple[int, ...] = ()
    layer: str = ""
    groups: int = 1
    has_bias: bool = False
    is_constant: bool = False
    seen: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Wiring:
    """The tensors of a network in order of computation.

    Attributes
    ----------
    outputs
        Indices of the steps that the network returns.
    """

    steps: tuple[Step, ...]
    outputs: tuple[int, ...]

    @functools.cached_property
    def step_by_layer(self) -> dict[str, int]:
        """Index of each layer's step: the first if the layer is used several times."""
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
        """Return the nearest steps with weights, or the source, that feed a step, in order."""
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
    """The part of a network that is connected under a mask.

    Attributes
    ----------
    reached, live, leading
        By step, the slots that some input reaches, those that some input or bias reaches, and those
        that lead to some output.
    """

    wiring: Wiring
    reached: tuple[NDArray[np.bool_], ...]
    live: tuple[NDArray[np.bool_], ...]
    leading: tuple[NDArray[np.bool_], ...]

    @property
    def num_outputs(self) -> int:
        """Number of outputs of the network."""
        return sum(self.wiring.steps[number].num_slots for number in self.wiring.outputs)

    @property
    def num_reached(self) -> int:
        """Number of outputs of the network that some input still reaches."""
        return sum(int(self.reached[number].sum()) for number in self.wiring.outputs)

    def alive(self, number: int) -> NDArray[np.bool_]:
        """Return which slots of a step lie on a path from the input to an output."""
        return self.reached[number] & self.leading[number]

    def find_ends(self, layer: str) -> tuple[NDArray[np.bool_], NDArray[np.bool_]] | None:
        """Return which outputs (O) of a layer lead to an output, and which inputs (I) are live.

        None if the layer is not followed connection by connection.
        """
        number = self.wiring.step_by_layer.get(layer)
        if number is None or self.wiring.steps[number].kind != "join":
            return None
        if layer in self.wiring.used_again:
            return None
        (before,) = self.wiring.steps[number].inputs
        inputs_I = np.repeat(self.live[before], self.wiring.steps[before].block)
        return self.leading[number], inputs_I


def reach(
    wiring: Wiring,
    joined: Callable[[str], NDArray[np.bool_] | None],
    biased: Callable[[str], NDArray[np.bool_] | None] = lambda _layer: None,
) -> Reach:
    """Follow the kept connections through a network.

    Parameters
    ----------
    joined
        Returns for a layer the (O, I / G) matrix of pairs of an output and an input of its group
        that have a kept weight; None for a layer that is whole.
    biased
        Returns for a layer with a bias which outputs (O) have a kept one; None for none.
    """
    matrices = {
        number: joined(step.layer)
        for number, step in enumerate(wiring.steps)
        if step.kind == "join"
    }
    biases = {
        number: bias_O
        for number, step in enumerate(wiring.steps)
        if step.has_bias and (bias_O := biased(step.layer)) is not None and bias_O.any()
    }
    reached: list[NDArray[np.bool_]] = []
    for number, step in enumerate(wiring.steps):
        reached.append(_forward(wiring, step, matrices.get(number), reached))
    live = reached
    if biases or any(step.is_constant for step in wiring.steps):
        live = []
        for number, step in enumerate(wiring.steps):
            live_S = _forward(wiring, step, matrices.get(number), live)
            live.append(_with_constants(step, live_S, biases.get(number)))
    leading = [np.zeros(step.num_slots, bool) for step in wiring.steps]
    for number in wiring.outputs:
        leading[number][:] = True
    for number in reversed(range(len(wiring.steps))):
        _backward(wiring, wiring.steps[number], matrices.get(number), leading[number], leading)
    return Reach(wiring, tuple(reached), tuple(live), tuple(leading))


def _with_constants(
    step: Step, live_S: NDArray[np.bool_], bias_O: NDArray[np.bool_] | None
) -> NDArray[np.bool_]:
    """Return which slots of a step carry anything, those included that its bias makes."""
    if step.is_constant or (bias_O is not None and step.kind != "join"):
        return np.ones_like(live_S)
    return live_S if bias_O is None else live_S | bias_O


def _forward(
    wiring: Wiring,
    step: Step,
    matrix: NDArray[np.bool_] | None,
    reached: list[NDArray[np.bool_]],
) -> NDArray[np.bool_]:
    """Return which slots of a step are reached from the input."""
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
    """Mark the slots of a step's inputs that lead to an output through it."""
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
    """Return which inputs (I) of a layer are connected to a slot that leads to an output."""
    num_inputs = before.num_slots * before.block // step.groups
    leads_GO = leads_O.reshape(step.groups, -1)
    if matrix is None:
        whole: NDArray[np.bool_] = np.repeat(leads_GO.any(1), num_inputs)
        return whole
    matrix_GOI = matrix.reshape(step.groups, -1, num_inputs)
    into: NDArray[np.bool_] = (matrix_GOI & leads_GO[:, :, None]).any(1).reshape(-1)
    return into


def join_units(values: NDArray[Any], seen: tuple[int, ...] | None = None) -> NDArray[Any]:
    """Reduce values of weights (O, I, ...) to pairs of units (O, I), by their minimum or by any.

    Two units are connected while any weight of their kernel is kept that sees more than padding.

    Parameters
    ----------
    values
        Whether each weight is kept, or its rank, where a lower rank is kept for longer.
    seen
        Positions of the kernel that count; all if None.
    """
    if values.ndim == 2:
        return values
    places = np.moveaxis(values.reshape(*values.shape[:2], -1), 2, 0)
    if seen is not None:
        places = places[list(seen)]
    # One comparison per kernel position: twice as fast as a minimum over so short an axis.
    return functools.reduce(np.logical_or if values.dtype == bool else np.minimum, places)


def num_on_paths(
    find_kept: Callable[[Callable[[NDArray[Any]], NDArray[Any]]], NDArray[np.bool_]],
    shape: tuple[int, ...],
    leads_O: NDArray[np.bool_],
    live_I: NDArray[np.bool_],
    seen: tuple[int, ...] | None = None,
) -> int:
    """Return how many kept weights of a layer lead to an output from a slot that carries anything.

    Parameters
    ----------
    find_kept
        Takes a function that selects a part of an array of the layer's shape; returns which weights
        of that part are kept.
    shape
        (O, I, ...) of the layer, where I counts the inputs of one group.
    leads_O, live_I
        Which outputs lead to an output of the network, and which inputs of all groups are live.
    seen
        Positions of the kernel that see more than padding; all if None.
    """
    outputs, into = shape[:2]
    if not (leads_O.any() and live_I.any()):
        return 0
    live_GI = live_I.reshape(-1, into)
    group_O = np.repeat(np.arange(len(live_GI)), outputs // len(live_GI))
    rows: NDArray[np.bool_] | slice = slice(None)
    columns: NDArray[np.bool_] | slice = slice(None)
    # Selecting the smaller axis first pays off only below half, because the copy has a cost too.
    if 2 * np.count_nonzero(leads_O) < outputs:
        rows, group_O, leads_O = leads_O, group_O[leads_O], leads_O[leads_O]
    if len(live_GI) == 1 and 2 * np.count_nonzero(live_I) < into:
        columns, live_GI = live_I, np.ones((1, 1), bool)
    places = slice(None) if seen is None else list(seen)
    kept_OIP = find_kept(
        lambda values: values.reshape(outputs, into, -1)[rows][:, columns][:, :, places]
    )
    if not live_GI.all():
        kept_OIP &= live_GI[group_O][:, :, None]
    if not leads_O.all():
        kept_OIP &= leads_O[:, None, None]
    return int(np.count_nonzero(kept_OIP))
