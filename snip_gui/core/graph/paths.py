"""Which units, channels and input pixels lie on a path from the input to the output.

The network is traced into a graph of operations, and slots (see `operations`) are followed through
it twice. Forward: which slots can ever be nonzero, whatever the images and however long the network
trains. Backward: which slots the output depends on. A slot for which not both hold can be left out,
with all its connections, without affecting the others.

Tensors whose slots can only be left out together (both sides of an activation, all terms of a
residual sum) share one `Slots`. Operations that are not known here keep their tensors whole, which
is always safe.

Shapes: O outputs and I inputs of a layer, S slots, B images, C channels, H rows, W columns.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import fx, nn

from snip_gui.core.graph import operations as ops
from snip_gui.core.graph.following import Flow, Follower, Shape, Slots
from snip_gui.core.graph.tracing import CannotFollowError, find_shape, has_weights, trace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from torch import Tensor


@dataclass(frozen=True)
class Paths:
    """The parts of a network that have to stay.

    Attributes
    ----------
    outputs, inputs
        By layer, which of its outputs and inputs stay. A layer without an entry stays whole.
    pixels
        Which pixels of an image stay, in its flat order (C, H, W).
    keeps_shape
        Whether only whole channels of the image are dropped, so that the input is still an image.
    units
        Numbers of hidden units and channels that stay, and that there are.
    left_whole
        Layers with weights that cannot be followed, and therefore stay whole.
    """

    outputs: dict[str, NDArray[np.bool_]]
    inputs: dict[str, NDArray[np.bool_]]
    pixels: NDArray[np.bool_]
    keeps_shape: bool
    units: tuple[int, int]
    left_whole: tuple[str, ...]

    @property
    def is_whole(self) -> bool:
        """Whether nothing can be left out."""
        parts = (*self.outputs.values(), *self.inputs.values(), self.pixels)
        return all(bool(part.all()) for part in parts)


@dataclass(frozen=True)
class UnitGroup:
    """Units or channels of layers that can only be left out together: the same one of each.

    Attributes
    ----------
    size
        Number S of units.
    outputs
        Layers with these units as outputs, such as all terms of a residual sum.
    inputs
        Layers with these units as inputs, and the number of inputs that each unit has there: more
        than one after flattening.
    """

    size: int
    outputs: tuple[str, ...]
    inputs: tuple[tuple[str, int], ...]


def find_paths(
    model: nn.Module, masks: Mapping[str, NDArray[np.bool_]], sample_BCHW: Tensor
) -> Paths:
    """Follow the kept connections of a network.

    Parameters
    ----------
    model
        The network in training mode, with the weights at the start of training; left unchanged.
    masks
        By parameter name, True where kept; parameters without a mask are kept whole.
    sample_BCHW
        Any images of the right shape.

    Raises
    ------
    CannotFollowError
        If the network cannot be traced.
    """
    return _PathFollower(model, masks, sample_BCHW).follow()


def find_unit_groups(model: nn.Module, sample_BCHW: Tensor) -> tuple[UnitGroup, ...]:
    """Find the units of a network that can be left out, by which of them are tied together.

    Outputs of the network are not among them, nor what an operation reads that is not followed.
    Parameters and errors are those of `find_paths`.
    """
    return _PathFollower(model, {}, sample_BCHW).find_groups()


class _PathFollower(Follower[Flow]):
    def __init__(
        self, model: nn.Module, masks: Mapping[str, NDArray[np.bool_]], sample_BCHW: Tensor
    ) -> None:
        super().__init__(model, trace(model, sample_BCHW))
        self._masks = masks
        self._image_shape = tuple(sample_BCHW.shape[1:])
        self._joins: dict[fx.Node, NDArray[np.bool_]] = {}
        self._left_whole: list[str] = []

    def follow(self) -> Paths:
        self._walk_from_images()
        for node in reversed(self.graph.nodes):
            if node in self.known:
                self._backward(node, self._joins.get(node))
        for flow in self.known.values():
            flow.slots.keep(flow.live_S & flow.needed_S)
        for slots in {root for flow in self.known.values() for root in flow.slots.roots()}:
            if not slots.kept_S.any():  # a layer needs at least one input and output
                slots.keep(np.arange(len(slots.kept_S)) == 0)
        return self._found()

    def find_groups(self) -> tuple[UnitGroup, ...]:
        self._walk_from_images()
        self.known[self._input].slots.keep(True)  # images keep their channels
        for flow in self.known.values():
            if flow.slots.parts:
                flow.slots.keep(True)  # concatenated units keep theirs
        outputs: dict[Slots, list[str]] = {}
        inputs: dict[Slots, list[tuple[str, int]]] = {}
        for node, flow in self.known.items():
            name = str(node.target)
            if node.op != "call_module" or type(self.modules[name]) not in ops.JOINS:
                continue
            if name in self.used_once:
                outputs.setdefault(flow.slots.root(), []).append(name)
            if node in self._joins:
                into = self.known[node.args[0]]  # type: ignore[index]  # a followed tensor
                inputs.setdefault(into.slots.root(), []).append((name, into.block))
        return tuple(
            UnitGroup(len(slots.kept_S), tuple(layers), tuple(inputs.get(slots, ())))
            for slots, layers in outputs.items()
            if not slots.kept_S.any()
        )

    def _walk_from_images(self) -> None:
        if not any(map(self.is_source, self.graph.nodes)):
            raise CannotFollowError("its forward has no argument of its own for the images")
        self.walk()

    # Forward

    def width(self, value: Flow) -> int:
        return value.width

    def follow_output(self, node: fx.Node) -> None:
        self._keep_whole(node)

    def follow_unknown(self, node: fx.Node, shape: Shape | None) -> Flow | None:
        self._keep_whole(node)
        if node.op == "call_module" and has_weights(self.modules[str(node.target)]):
            self._left_whole.append(str(node.target))
        return None if shape is None or len(shape) < 2 else _fresh(shape[1], whole=True)

    def follow_source(self, node: fx.Node, shape: Shape) -> Flow:
        self._input = node
        return _fresh(self.count_slots(node, shape))

    def follow_flatten(self, node: fx.Node, into: Flow, shape: Shape) -> Flow:
        if node.args[0] is self._input and self.is_by_pixel(self._input):
            return Flow(into.slots, 1, into.live_S)
        return Flow(into.slots, shape[1] // len(into.live_S), into.live_S)

    def follow_alone(self, node: fx.Node, into: Flow, *, keeps_zero: bool) -> Flow:
        return Flow(into.slots, into.block, into.live_S | (not keeps_zero))

    def follow_over_places(self, node: fx.Node, into: Flow) -> Flow:
        return Flow(into.slots, into.block, into.live_S)

    def follow_norm(self, node: fx.Node, into: Flow) -> Flow | None:
        name = str(node.target)
        if name not in self.used_once:
            return None
        live_S = into.live_S | self._shifts(node, self.modules[name], into)
        return Flow(into.slots, into.block, live_S)

    def follow_join(self, node: fx.Node, into: Flow, shape: Shape) -> Flow | None:
        name = str(node.target)
        module = self.modules[name]
        if name not in self.used_once:
            return None
        if type(module) is nn.Linear:
            return self._joined(node, self._mask(name, "weight"), into)
        kernel_OI = _any_of_block(self._mask(name, "weight"), module.weight[0, 0].numel())
        kernel_OI = kernel_OI.reshape(module.weight.shape[:2])
        if module.groups == 1:
            return self._joined(node, kernel_OI, into)
        if module.groups == module.in_channels == module.out_channels:
            live_S = (into.live_S & kernel_OI[:, 0]) | self._mask(name, "bias")
            return Flow(into.slots, into.block, live_S)
        return None

    def _joined(self, node: fx.Node, kept_OI: NDArray[np.bool_], into: Flow) -> Flow:
        """Return the slots after a layer that connects inputs to outputs."""
        live_I = np.repeat(into.live_S, into.block)
        self._joins[node] = kept_OI
        live_O = (kept_OI & live_I).any(1) | self._mask(str(node.target), "bias")
        return Flow(Slots(np.zeros(len(live_O), bool)), 1, live_O)

    def _mask(self, layer: str, part: str) -> NDArray[np.bool_]:
        """Return which elements of a parameter may be nonzero."""
        parameter = getattr(self.modules[layer], part)
        if parameter is None:
            return np.zeros(len(self.modules[layer].weight), bool)
        name = f"{layer}.{part}" if layer else part
        return self._masks.get(name, np.ones(tuple(parameter.shape), bool))

    def _shifts(self, node: fx.Node, norm: Any, into: Flow) -> NDArray[np.bool_]:  # noqa: ANN401 - torch's base class is private
        """Return in which slots BatchNorm maps zero to something else, or may learn to.

        It maps zeros to its shift. A shift of zero stays zero where only ReLU reads it, because the
        gradient of ReLU is zero at zero. In evaluation mode the running mean counts too.
        """
        moved = torch.zeros(norm.num_features, dtype=torch.bool)
        if norm.bias is not None:
            moved |= (norm.bias.detach() != 0).cpu()
            if norm.bias.requires_grad and not all(self.is_relu(user) for user in node.users):
                moved |= True
        if norm.running_mean is not None:
            moved |= (norm.running_mean != 0).cpu()
        return _any_of_block(moved.numpy(), into.block)

    def follow_combined(self, node: fx.Node, into: Flow) -> Flow | None:
        other = node.args[1] if len(node.args) == 2 else None
        if isinstance(other, int | float):
            keeps_zero = node.target in ops.PRODUCTS
            live_S = into.live_S if keeps_zero else np.ones_like(into.live_S)
            return Flow(into.slots, into.block, live_S)
        flow = self.known.get(other) if isinstance(other, fx.Node) else None
        if flow is None or (flow.block, flow.width) != (into.block, into.width):
            return None
        if len({len(find_shape(before) or ()) for before in node.all_input_nodes}) > 1:
            return None  # broadcast along another axis
        if not into.slots.merge(flow.slots):
            return None
        return Flow(into.slots, into.block, into.live_S | flow.live_S)

    def first_input(self, node: fx.Node) -> Flow | None:
        if node.target not in ops.CONCATENATIONS:
            return super().first_input(node)
        parts = self._parts(node)
        return parts[0] if parts else None

    def follow_concatenated(self, node: fx.Node) -> Flow | None:
        parts = self._parts(node)
        if len({part.block for part in parts}) != 1:
            return None
        live_S = np.concatenate([part.live_S for part in parts])
        return Flow(Slots.joined([part.slots for part in parts]), parts[0].block, live_S)

    def _parts(self, node: fx.Node) -> list[Flow]:
        """Return what a node concatenates along axis 1; empty if not all of it is known."""
        axis = node.args[1] if len(node.args) > 1 else node.kwargs.get("dim", 0)
        nodes = node.args[0] if node.args else None
        if axis != 1 or not isinstance(nodes, list | tuple):
            return []
        # With repetitions: a tensor may be concatenated with itself.
        parts = [self.known[part] for part in nodes if part in self.known]
        return parts if len(parts) == len(nodes) else []

    def follow_padded(self, node: fx.Node, into: Flow) -> Flow | None:
        _, sides, *rest = (*node.args, *node.kwargs.values())
        if not isinstance(sides, list | tuple) or len(sides) > 4:
            return None
        keeps_zero = rest in ([], ["constant"], ["constant", None], ["constant", 0])
        return Flow(into.slots, into.block, into.live_S | (not keeps_zero))

    def _keep_whole(self, node: fx.Node) -> None:
        """Keep all slots of a node's inputs, because it may use them in any way."""
        for before in node.all_input_nodes:
            if before in self.known:
                self.known[before].slots.keep(True)
                self.known[before].needed_S[:] = True

    # Backward

    def _backward(self, node: fx.Node, matrix_OI: NDArray[np.bool_] | None) -> None:
        """Propagate to a node's inputs which of its slots are needed."""
        flow = self.known[node]
        if flow.slots.parts and node.target in ops.CONCATENATIONS:
            start = 0
            for part in self._parts(node):
                end = start + len(part.needed_S)
                part.needed_S |= flow.needed_S[start:end]
                start = end
            return
        for before in node.all_input_nodes:
            into = self.known.get(before)
            if into is None:
                continue
            if matrix_OI is not None:
                wanted_I = np.any(matrix_OI & flow.needed_S[:, None], axis=0)
                into.needed_S |= _any_of_block(wanted_I, into.block)
            elif len(into.needed_S) == len(flow.needed_S):
                into.needed_S |= flow.needed_S
            # Otherwise the node was not followed, and its inputs have been kept whole already.

    def _found(self) -> Paths:
        outputs, inputs = {}, {}
        hidden: dict[int, NDArray[np.bool_]] = {}
        final = {id(root) for flow in self._outputs() for root in flow.slots.roots()}
        for node, flow in self.known.items():
            name = str(node.target)
            if node.op != "call_module" or name not in self.used_once:
                continue
            kept_S = flow.slots.kept_S
            if node in self._joins:
                into = self.known[node.args[0]]  # type: ignore[index]  # a followed tensor
                inputs[name] = np.repeat(into.slots.kept_S, into.block)
                if id(flow.slots.root()) not in final:
                    hidden[id(flow.slots.root())] = kept_S
            if len(kept_S) * flow.block == _num_outputs(self.modules[name]):
                outputs[name] = np.repeat(kept_S, flow.block)
        kept_S = self.known[self._input].slots.kept_S
        pixels = np.repeat(kept_S, math.prod(self._image_shape) // len(kept_S))
        units = sum(int(k.sum()) for k in hidden.values()), sum(len(k) for k in hidden.values())
        left_whole = tuple(dict.fromkeys(self._left_whole))
        return Paths(outputs, inputs, pixels, not self.is_by_pixel(self._input), units, left_whole)

    def _outputs(self) -> list[Flow]:
        """Return the outputs of the network."""
        (output,) = (node for node in self.graph.nodes if node.op == "output")
        return [self.known[node] for node in output.all_input_nodes if node in self.known]


def _fresh(number: int, *, whole: bool = False) -> Flow:
    """Return new slots that may hold any value."""
    return Flow(Slots(np.full(number, whole)), 1, np.ones(number, bool))


def _any_of_block(which: NDArray[np.bool_], block: int) -> NDArray[np.bool_]:
    """Return for each slot whether any element of its block is set."""
    return np.asarray(which.reshape(-1, block).any(1))


def _num_outputs(module: Any) -> int:  # noqa: ANN401 - any module
    """Return the length of the output axis of a module's parameters."""
    for name in ("out_features", "out_channels", "num_features"):
        if hasattr(module, name):
            return int(getattr(module, name))
    return -1
