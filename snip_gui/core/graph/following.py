"""Propagation of values along axis 1 of every tensor of a network, operation by operation.

What is propagated differs (which slots may be nonzero, where slots come from, which are constant),
and so do the rules, but not the kind of operation that a node is. A `Follower` walks the graph and
finds this kind; its subclasses define the rule for each. An operation that is not known here, or
for which a subclass has no rule, is passed to `follow_unknown`.

A *slot* is an index along axis 1: a unit, a channel or a pixel.

Tensors whose slots can only be left out together share one `Slots`. Concatenated tensors have
slots that consist of those of their parts: a slot missing from a part is missing from the whole.

Shapes: S slots.
"""

from __future__ import annotations

import abc
import functools
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

import numpy as np
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
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray
    from torch import fx

T = TypeVar("T")

Shape: TypeAlias = tuple[int, ...]


class Slots:
    """Slots of one or several tensors.

    Parameters
    ----------
    kept_S
        Which slots have to stay, so far.
    parts
        The slots that these consist of, one after another; empty if they are their own.
    """

    def __init__(self, kept_S: NDArray[np.bool_], parts: Sequence[Slots] = ()) -> None:
        self._kept_S, self.parts = kept_S, tuple(parts)
        self._merged_into: Slots | None = None

    @classmethod
    def joined(cls, parts: Sequence[Slots]) -> Slots:
        """Return slots that consist of others."""
        return cls(np.zeros(0, bool), parts)

    def root(self) -> Slots:
        """Return the slots that these were merged into, or these."""
        return self if self._merged_into is None else self._merged_into.root()

    def roots(self) -> Iterator[Slots]:
        """Yield the slots that these consist of in the end."""
        root = self.root()
        if not root.parts:
            yield root
        for part in root.parts:
            yield from part.roots()

    @property
    def kept_S(self) -> NDArray[np.bool_]:
        """Which slots have to stay, so far."""
        root = self.root()
        return np.concatenate([p.kept_S for p in root.parts]) if root.parts else root._kept_S

    def merge(self, other: Slots) -> bool:
        """Leave slots out only together with others; return whether that is possible."""
        one, two = self.root(), other.root()
        if one is two:
            return True
        if len(one.parts) != len(two.parts):
            return False
        pairs = list(zip(one.parts, two.parts, strict=True))
        if any(len(a.kept_S) != len(b.kept_S) for a, b in pairs):
            return False
        if pairs:
            for a, b in pairs:
                a.merge(b)
            return True
        one._kept_S = one._kept_S | two._kept_S
        two._merged_into = one
        return True

    def keep(self, which_S: NDArray[np.bool_] | bool) -> None:
        """Let some slots stay, or all of them."""
        root, start = self.root(), 0
        if not root.parts:
            root._kept_S = root._kept_S | which_S
        for part in root.parts:
            end = start + len(part.kept_S)
            part.keep(which_S if isinstance(which_S, bool) else which_S[start:end])
            start = end


@dataclass(eq=False)
class Flow:
    """The slots of one tensor, each of them ``block`` elements wide.

    Attributes
    ----------
    live_S
        Which slots can ever be nonzero.
    needed_S
        Which slots the output of the network depends on.
    """

    slots: Slots
    block: int
    live_S: NDArray[np.bool_]
    needed_S: NDArray[np.bool_] = field(init=False)

    def __post_init__(self) -> None:
        self.needed_S = np.zeros(len(self.live_S), bool)

    @property
    def width(self) -> int:
        """Length of axis 1."""
        return len(self.live_S) * self.block


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
