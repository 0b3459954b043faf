"""Propagation of values along axis 1 of every tensor of a network, operation by operation.

What is propagated differs (which slots may be nonzero, where slots come from, which are constant),
and so do the rules, but not the kind of operation that a node is. A `Follower` walks the graph and
finds this kind; its subclasses define the rule for each. An operation that is not known here, or
for which a subclass has no rule, is passed to `follow_unknown`.

A *slot* is an index along axis 1: a unit, a channel or a pixel.
"""

from __future__ import annotations

import abc
import functools
import math
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

from torch import nn

from snip_gui.core.graph import operations as ops
from snip_gui.core.graph.tracing import (
    find_shape,
    is_flatten,
    is_over_places,
    is_tensor_default,
    reads_batch_size,
    used_once,
)

if TYPE_CHECKING:
    from torch import fx

T = TypeVar("T")

Shape: TypeAlias = tuple[int, ...]


class Follower(abc.ABC, Generic[T]):
    """Computes a value for every tensor from those of its inputs; this base class has no rules.

    Attributes
    ----------
    known
        The values found so far, in graph order.
    """

    def __init__(self, model: nn.Module, graph: fx.Graph) -> None:
        self.model, self.graph = model, graph
        self.modules: dict[str, Any] = dict(model.named_modules())
        self.known: dict[fx.Node, T] = {}

    @functools.cached_property
    def used_once(self) -> set[str]:
        """Modules that are called once and share no parameter, and may therefore be changed."""
        return used_once(self.model, self.graph)

    def walk(self) -> None:
        """Fill `known` from the images to the outputs."""
        for node in self.graph.nodes:
            value = self._visit(node)
            if value is not None:
                self.known[node] = value

    def _visit(self, node: fx.Node) -> T | None:
        shape = find_shape(node)
        if self.is_source(node) and shape is not None:
            return self.follow_source(node, shape)
        if node.op == "output":
            self.follow_output(node)
            return None
        if reads_batch_size(node):
            return None
        into = self.first_input(node)
        if into is not None and shape is not None and len(shape) > 1:
            value = self._apply(node, into, shape)
            if value is not None and self.width(value) == shape[1]:
                return value
        return self.follow_unknown(node, shape)

    def _apply(self, node: fx.Node, into: T, shape: Shape) -> T | None:
        """Apply the rule for a node's kind of operation."""
        if is_flatten(node):
            return self.follow_flatten(node, into, shape)
        if node.op == "call_module":
            return self._apply_module(node, into, shape)
        target = node.target
        if target in ops.SUMS or target in ops.PRODUCTS:
            return self.follow_combined(node, into)
        if target in ops.CONCATENATIONS:
            return self.follow_concatenated(node)
        if target in ops.MEANS:
            return self.follow_over_places(node, into) if is_over_places(node) else None
        if target in ops.PADS:
            return self.follow_padded(node, into)
        if target in ops.ZERO_KEEPING_FUNCTIONS or target in ops.ZERO_KEEPING_METHODS:
            return self.follow_alone(node, into, keeps_zero=True)
        if target in ops.OTHER_FUNCTIONS or target in ops.OTHER_METHODS:
            return self.follow_alone(node, into, keeps_zero=False)
        return None

    def _apply_module(self, node: fx.Node, into: T, shape: Shape) -> T | None:
        kind = type(self.modules[str(node.target)])
        if kind in ops.ZERO_KEEPING_MODULES or kind in ops.OTHER_MODULES:
            return self.follow_alone(node, into, keeps_zero=kind in ops.ZERO_KEEPING_MODULES)
        if kind in ops.NORMS:
            return self.follow_norm(node, into)
        if kind in ops.CONVOLUTIONS or (kind is nn.Linear and len(shape) == 2):
            return self.follow_join(node, into, shape)
        return None

    def first_input(self, node: fx.Node) -> T | None:
        """Return the value of a node's first argument."""
        return self.known.get(node.args[0]) if node.args else None  # type: ignore[arg-type]  # a node

    @abc.abstractmethod
    def width(self, value: T) -> int:
        """Return the length of axis 1 of the tensor that has this value."""

    def is_source(self, node: fx.Node) -> bool:
        """Return whether a node is the images."""
        is_argument = node.op == "placeholder" and not is_tensor_default(node)
        return is_argument and find_shape(node) is not None

    def is_by_pixel(self, source: fx.Node) -> bool:
        """Return whether the images are only ever flattened, so that their slots are pixels."""
        return bool(source.users) and all(is_flatten(user) for user in source.users)

    def is_relu(self, node: fx.Node) -> bool:
        """Return whether a node is a ReLU, which passes no gradient back at zero."""
        if node.op == "call_module":
            return type(self.modules[str(node.target)]) in ops.RELU_MODULES
        return node.target in ops.RELU_FUNCTIONS or node.target in ops.RELU_METHODS

    def count_slots(self, source: fx.Node, shape: Shape) -> int:
        """Return the number of slots of images (B, C, H, W): pixels or channels."""
        return math.prod(shape[1:]) if self.is_by_pixel(source) else shape[1]

    # Rules, one for each kind of operation

    def follow_source(self, node: fx.Node, shape: Shape) -> T | None:
        """Return the value of the images."""
        return self.follow_unknown(node, shape)

    def follow_flatten(self, node: fx.Node, into: T, shape: Shape) -> T | None:
        """Return the value after each image is flattened to a row."""
        return None

    def follow_alone(self, node: fx.Node, into: T, *, keeps_zero: bool) -> T | None:
        """Return the value after an elementwise operation, such as an activation."""
        return None

    def follow_norm(self, node: fx.Node, into: T) -> T | None:
        """Return the value after BatchNorm."""
        return None

    def follow_join(self, node: fx.Node, into: T, shape: Shape) -> T | None:
        """Return the value after a linear layer on rows, or a convolution."""
        return None

    def follow_combined(self, node: fx.Node, into: T) -> T | None:
        """Return the value of a sum or product of tensors, or of a tensor and a number."""
        return None

    def follow_concatenated(self, node: fx.Node) -> T | None:
        """Return the value of concatenated tensors."""
        return None

    def follow_over_places(self, node: fx.Node, into: T) -> T | None:
        """Return the value of a sum or mean over rows and columns."""
        return None

    def follow_padded(self, node: fx.Node, into: T) -> T | None:
        """Return the value after padding."""
        return None

    def follow_unknown(self, node: fx.Node, shape: Shape | None) -> T | None:
        """Return the value of a tensor that no rule covers; None if the node is not a tensor."""
        return None

    def follow_output(self, node: fx.Node) -> None:
        """Record the outputs of the network."""
