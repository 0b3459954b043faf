"""Making the `Wiring` of a network: one empty image is traced through it.

Shapes: B images, C channels, H rows, W columns.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from snip_gui.core.graph import operations as ops
from snip_gui.core.graph.parameters import own_prunable
from snip_gui.core.graph.tracing import (
    CannotFollowError,
    find_shape,
    is_flatten,
    is_over_places,
    is_tensor_default,
    reads_batch_size,
    trace,
)
from snip_gui.core.graph.wiring import Step, Wiring

if TYPE_CHECKING:
    from torch import Tensor, fx

_ALONE_MODULES = (*ops.ZERO_KEEPING_MODULES, *ops.OTHER_MODULES, *ops.NORMS)
_ALONE_CALLS = (
    *ops.ZERO_KEEPING_FUNCTIONS, *ops.ZERO_KEEPING_METHODS, *ops.OTHER_FUNCTIONS,
    *ops.OTHER_METHODS, *ops.PADS,
)  # fmt: skip
_ALONE_NAMES = ("stochastic_depth",)  # torchvision's; by name, as it is not imported here
_MEANS = (*ops.MEANS, "mean", "sum")


def trace_wiring(model: nn.Module, image_BCHW: Tensor) -> Wiring | None:
    """Return how a network is wired; None if it cannot be traced.

    Parameters
    ----------
    image_BCHW
        Any image, for the shapes.
    """
    try:
        graph = trace(model, image_BCHW)
    except CannotFollowError:
        return None
    return _Tracker(model, graph, tuple(image_BCHW.shape[1:])).follow()


class _Tracker:
    """Follows the tensors of a graph."""

    def __init__(self, model: nn.Module, graph: fx.Graph, image_shape: tuple[int, ...]) -> None:
        self._modules: dict[str, Any] = dict(model.named_modules())
        self._layers = {name for name, module in self._modules.items() if own_prunable(module)}
        self._graph, self._image_shape = graph, image_shape
        self._steps: list[Step] = []
        self._number_of: dict[fx.Node, int] = {}
        self._outputs: tuple[int, ...] = ()

    def follow(self) -> Wiring | None:
        """Return the wiring; None if no image goes in or no tensor of scores comes out."""
        for node in self._graph.nodes:
            number = self._number(node)
            if number is not None:
                self._number_of[node] = number
        is_whole = bool(self._outputs) and self._steps[0].kind == "source"
        return Wiring(tuple(self._steps), self._outputs) if is_whole else None

    def _number(self, node: fx.Node) -> int | None:
        """Return the number of the step that a node's tensor is; None if it is none."""
        shape = find_shape(node)
        if node.op == "placeholder":
            return None if shape is None or is_tensor_default(node) else self._source(node)
        inputs = self._inputs(node)
        if node.op == "output":
            self._outputs = inputs
            return None
        if reads_batch_size(node) or not inputs or "tensor_meta" not in node.meta:
            return None  # sizes and other plain numbers carry nothing of the images
        if shape is not None and len(shape) > 1:
            number = self._known(node, shape, inputs)
            if number is not None and self._width(number) == shape[1]:
                return number
        return self._mixed(node, shape, inputs)

    def _inputs(self, node: fx.Node) -> tuple[int, ...]:
        numbers = (self._number_of.get(before) for before in node.all_input_nodes)
        return tuple(number for number in numbers if number is not None)

    def _width(self, number: int) -> int:
        """Return the length of axis 1."""
        step = self._steps[number]
        return step.num_slots * step.block

    def _add(self, step: Step) -> int:
        self._steps.append(step)
        return len(self._steps) - 1

    def _source(self, node: fx.Node) -> int:
        """Return the images: slots are pixels if they are only flattened, else channels."""
        by_pixel = bool(node.users) and all(is_flatten(user) for user in node.users)
        num_slots = math.prod(self._image_shape) if by_pixel else self._image_shape[0]
        return self._add(Step("source", num_slots))

    def _known(self, node: fx.Node, shape: tuple[int, ...], inputs: tuple[int, ...]) -> int | None:
        """Return the step after an operation that is followed slot by slot; else None."""
        before = self._steps[inputs[0]]
        name = node.target
        if is_flatten(node):
            block = shape[1] // before.num_slots
            if block == before.block:
                return inputs[0]
            return self._add(Step("same", before.num_slots, block, inputs[:1]))
        if node.op == "call_module":
            return self._through_module(str(name), shape, inputs)
        if name in ops.SUMS or name in ops.PRODUCTS:
            return self._sum(node, inputs)
        if name in (torch.cat, torch.concat, torch.concatenate):
            return self._concat(node, inputs)
        if name in _MEANS:
            return inputs[0] if is_over_places(node) else None
        is_alone = name in _ALONE_CALLS or getattr(name, "__name__", "") in _ALONE_NAMES
        return inputs[0] if is_alone and len(inputs) == 1 else None

    def _through_module(
        self, name: str, shape: tuple[int, ...], inputs: tuple[int, ...]
    ) -> int | None:
        module = self._modules[name]
        kind = type(module)
        if kind in _ALONE_MODULES:
            return inputs[0]
        if kind is nn.Linear and len(shape) == 2:
            return self._add(Step("join", shape[1], 1, inputs, name))
        if kind in ops.CONVOLUTIONS:
            return self._add(Step("join", shape[1], 1, inputs, name, module.groups))
        return None

    def _sum(self, node: fx.Node, inputs: tuple[int, ...]) -> int | None:
        """Return a sum or product of tensors of one kind, or of a tensor and numbers."""
        if len(inputs) == 1:
            return inputs[0]
        kinds = {(self._steps[number].num_slots, self._steps[number].block) for number in inputs}
        ranks = {len(find_shape(before) or ()) for before in node.all_input_nodes}
        if len(kinds) > 1 or len(ranks) > 1:  # broadcast along another axis
            return None
        ((num_slots, block),) = kinds
        return self._add(Step("sum", num_slots, block, inputs))

    def _concat(self, node: fx.Node, inputs: tuple[int, ...]) -> int | None:
        """Return tensors after one another along axis 1."""
        axis = node.args[1] if len(node.args) > 1 else node.kwargs.get("dim", 0)
        parts = node.args[0] if node.args else None
        blocks = {self._steps[number].block for number in inputs}
        if axis != 1 or len(blocks) > 1 or not isinstance(parts, list | tuple):
            return None
        if any(part not in self._number_of for part in parts):
            return None
        # As often as it stands there: a tensor may be put beside itself.
        numbers = tuple(self._number_of[part] for part in parts)
        num_slots = sum(self._steps[number].num_slots for number in numbers)
        return self._add(Step("concat", num_slots, blocks.pop(), numbers))

    def _mixed(
        self, node: fx.Node, shape: tuple[int, ...] | None, inputs: tuple[int, ...]
    ) -> int | None:
        """Return the step of an operation that is not known; layers inside come one by one."""
        width = shape[1] if shape is not None and len(shape) > 1 else 1
        layers = []
        if node.op == "call_module":
            name = str(node.target)
            inside = (name, *(other for other in self._modules if other.startswith(f"{name}.")))
            layers = [layer for layer in inside if layer in self._layers]
        for layer in layers[:-1]:
            inputs = (self._add(Step("mix", width, 1, inputs, layer)),)
        return self._add(Step("mix", width, 1, inputs, layers[-1] if layers else ""))
