"""Builds the `Wiring` of a network by tracing an image through it.

Shapes: B images, C channels, H rows, W columns.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import nn

from snip_gui.core.graph import operations as ops
from snip_gui.core.graph.following import Follower, Shape
from snip_gui.core.graph.layers import ConvSame, find_same_padding
from snip_gui.core.graph.parameters import own_prunable
from snip_gui.core.graph.tracing import CannotFollowError, find_shape, trace
from snip_gui.core.graph.wiring import Step, Wiring

if TYPE_CHECKING:
    from torch import Tensor, fx

_ALONE_NAMES = ("stochastic_depth",)  # torchvision's; by name, to avoid importing it


def trace_wiring(model: nn.Module, image_BCHW: Tensor) -> Wiring | None:
    """Return the wiring of a network; None if it cannot be traced.

    Parameters
    ----------
    image_BCHW
        Any image of the right shape.
    """
    try:
        graph = trace(model, image_BCHW)
    except CannotFollowError:
        return None
    return _WiringFollower(model, graph).follow()


class _WiringFollower(Follower[int]):
    """Follows the origin of slots: the value of a tensor is the index of its step."""

    def __init__(self, model: nn.Module, graph: fx.Graph) -> None:
        super().__init__(model, graph)
        self._layers = {name for name, module in self.modules.items() if own_prunable(module)}
        self._steps: list[Step] = []
        self._outputs: tuple[int, ...] = ()

    def follow(self) -> Wiring | None:
        """Return the wiring; None if there is no image input or no tensor output."""
        self.walk()
        is_whole = bool(self._outputs) and self._steps[0].kind == "source"
        return Wiring(tuple(self._steps), self._outputs) if is_whole else None

    def first_input(self, node: fx.Node) -> int | None:
        return next(iter(self._inputs(node)), None)

    def width(self, value: int) -> int:
        return self._steps[value].num_slots * self._steps[value].block

    def _inputs(self, node: fx.Node) -> tuple[int, ...]:
        """Return the steps that a node reads."""
        return tuple(self.known[node] for node in node.all_input_nodes if node in self.known)

    def _add(self, step: Step) -> int:
        self._steps.append(step)
        return len(self._steps) - 1

    def follow_source(self, node: fx.Node, shape: Shape) -> int:
        return self._add(Step("source", self.count_slots(node, shape)))

    def follow_output(self, node: fx.Node) -> None:
        self._outputs = self._inputs(node)

    def follow_flatten(self, node: fx.Node, into: int, shape: Shape) -> int:
        before = self._steps[into]
        block = shape[1] // before.num_slots
        if block == before.block:
            return into
        return self._add(Step("same", before.num_slots, block, (into,)))

    def follow_alone(self, node: fx.Node, into: int, *, keeps_zero: bool) -> int | None:
        if len(self._inputs(node)) != 1:
            return None
        return into if keeps_zero else self._constant(into)

    def _constant(self, into: int) -> int:
        """Return the step of an operation that makes something of zeros."""
        before = self._steps[into]
        return self._add(Step("same", before.num_slots, before.block, (into,), is_constant=True))

    def follow_padded(self, node: fx.Node, into: int) -> int | None:
        return self.follow_alone(node, into, keeps_zero=True)

    def follow_over_places(self, node: fx.Node, into: int) -> int:
        return into

    def follow_norm(self, node: fx.Node, into: int) -> int:
        # Its shift is zero at first, and stays so where only ReLU reads it.
        shifts = self.modules[str(node.target)].bias is not None
        if shifts and not all(self.is_relu(user) for user in node.users):
            return self._constant(into)
        return into

    def follow_join(self, node: fx.Node, into: int, shape: Shape) -> int:
        layer = str(node.target)
        module = self.modules[layer]
        return self._add(
            Step(
                "join",
                shape[1],
                1,
                self._inputs(node),
                layer,
                getattr(module, "groups", 1),
                has_bias=module.bias is not None,
                seen=_find_seen(module, find_shape(node.args[0]), shape),  # type: ignore[arg-type]  # a node
            )
        )

    def follow_combined(self, node: fx.Node, into: int) -> int | None:
        inputs = self._inputs(node)
        if len(inputs) == 1:
            return into if node.target in ops.PRODUCTS else self._constant(into)
        kinds = {(self._steps[number].num_slots, self._steps[number].block) for number in inputs}
        ranks = {len(find_shape(before) or ()) for before in node.all_input_nodes}
        if len(kinds) > 1 or len(ranks) > 1:  # broadcast along another axis
            return None
        ((num_slots, block),) = kinds
        return self._add(Step("sum", num_slots, block, inputs))

    def follow_concatenated(self, node: fx.Node) -> int | None:
        axis = node.args[1] if len(node.args) > 1 else node.kwargs.get("dim", 0)
        parts = node.args[0] if node.args else None
        blocks = {self._steps[number].block for number in self._inputs(node)}
        if axis != 1 or len(blocks) > 1 or not isinstance(parts, list | tuple):
            return None
        if any(part not in self.known for part in parts):
            return None
        # With repetitions: a tensor may be concatenated with itself.
        numbers = tuple(self.known[part] for part in parts)
        num_slots = sum(self._steps[number].num_slots for number in numbers)
        return self._add(Step("concat", num_slots, blocks.pop(), numbers))

    def follow_unknown(self, node: fx.Node, shape: Shape | None) -> int | None:
        """Return the step of an unknown operation; layers inside it get a step each."""
        inputs = self._inputs(node)
        if not inputs or "shape" not in node.meta:
            return None  # sizes and other plain numbers carry nothing of the images
        if len(inputs) == 1 and getattr(node.target, "__name__", "") in _ALONE_NAMES:
            return inputs[0]
        width = shape[1] if shape is not None and len(shape) > 1 else 1
        layers = []
        if node.op == "call_module":
            name = str(node.target)
            inside = (name, *(other for other in self.modules if other.startswith(f"{name}.")))
            layers = [layer for layer in inside if layer in self._layers]
        # Whatever is inside may make something of zeros.
        for layer in layers[:-1]:
            inputs = (self._add(Step("mix", width, 1, inputs, layer, is_constant=True)),)
        layer = layers[-1] if layers else ""
        return self._add(Step("mix", width, 1, inputs, layer, is_constant=True))


def _find_seen(module: Any, into: Shape | None, out: Shape) -> tuple[int, ...] | None:  # noqa: ANN401 - linear or convolution
    """Return the kernel positions of a convolution that see the image anywhere; None for all.

    Parameters
    ----------
    into, out
        Shapes (B, C, ...) of its input and output.
    """
    if into is None or not isinstance(module, nn.modules.conv._ConvNd):
        return None
    if module.padding_mode != "zeros":
        return None
    sides = []
    for axis, kernel in enumerate(module.kernel_size):
        length, stride, step = into[axis + 2], module.stride[axis], module.dilation[axis]
        before = _padding_before(module, axis, length)
        places = np.arange(out[axis + 2])[:, None] * stride + np.arange(kernel) * step - before
        sides.append(((places >= 0) & (places < length)).any(0))
    seen = np.flatnonzero(functools.reduce(np.multiply.outer, sides))
    return None if len(seen) == math.prod(module.kernel_size) else tuple(int(at) for at in seen)


def _padding_before(module: Any, axis: int, length: int) -> int:  # noqa: ANN401 - a convolution
    """Return how much padding comes before the image along an axis."""
    kernel, stride = module.kernel_size[axis], module.stride[axis]
    if isinstance(module, ConvSame):
        return find_same_padding(length, kernel, stride)[0]
    if module.padding == "same":
        return int(module.dilation[axis] * (kernel - 1) // 2)
    return 0 if module.padding == "valid" else int(module.padding[axis])
