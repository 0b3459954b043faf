"""Units that give the same whatever the image, and folding them into what comes after them.

For a network that trains no more. A unit whose inputs are all removed gives its bias; behind an
activation or BatchNorm that is another constant. A linear layer, or a convolution without padding,
takes it up exactly in its bias. A padded convolution sees zeros around a constant map, so there one
constant channel is left to stand for all. Nothing is cut here: weights become zero that no longer
matter, and `find_paths` leaves their units out.

Shapes: W slots along axis 1 of a tensor, O outputs and I inputs of a layer.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import torch
from torch import fx, nn

from snip_gui.core.graph import operations as ops
from snip_gui.core.graph.layers import ConvSame
from snip_gui.core.graph.tracing import find_shape, is_flatten, is_over_places, trace, used_once

if TYPE_CHECKING:
    from torch import Tensor

_POOLS = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d, nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d,
          nn.AdaptiveAvgPool3d, nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.Identity,
          nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d)  # fmt: skip
_PADDING_POOLS = (nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d, nn.ZeroPad2d)
_ELEMENTWISE_MODULES = tuple(
    kind
    for kind in (*ops.ZERO_KEEPING_MODULES, *ops.OTHER_MODULES)
    if kind not in (*_POOLS, *_PADDING_POOLS)
)
_POOL_FUNCTIONS = (
    nn.functional.max_pool2d,
    torch.max_pool2d,
    nn.functional.adaptive_avg_pool2d,
    nn.functional.adaptive_max_pool2d,
    nn.functional.dropout,
    nn.functional.dropout2d,
)
_ELEMENTWISE = tuple(
    function
    for function in (*ops.ZERO_KEEPING_FUNCTIONS, *ops.OTHER_FUNCTIONS)
    if function not in (*_POOL_FUNCTIONS, nn.functional.avg_pool2d)
)
_ELEMENTWISE_METHODS = tuple(
    m for m in (*ops.ZERO_KEEPING_METHODS, *ops.OTHER_METHODS) if m not in ("contiguous", "clone")
)


@torch.no_grad()
def fold_constants(model: nn.Module, sample_BCHW: Tensor) -> int:
    """Fold what is constant in evaluation mode into biases; return how many inputs were folded.

    The network is changed in place, in what it holds but not in its shapes.

    Raises
    ------
    CannotFollowError
        If the network cannot be traced.
    """
    return _Folder(model, trace(model, sample_BCHW)).fold()


class _Folder:
    """Follows constants from input to output; NaN stands for what depends on the image."""

    def __init__(self, model: nn.Module, graph: fx.Graph) -> None:
        self._modules: dict[str, Any] = dict(model.named_modules())
        self._graph = graph
        self._used_once = used_once(model, graph)
        self._known: dict[fx.Node, Tensor] = {}
        self._num_folded = 0

    def fold(self) -> int:
        for node in self._graph.nodes:
            shape = find_shape(node)
            if shape is None or len(shape) < 2:
                continue
            constant_W = None
            if node.args and node.args[0] in self._known:
                constant_W = self._after(node, self._known[node.args[0]], shape)
            if constant_W is None or len(constant_W) != shape[1]:
                constant_W = torch.full((shape[1],), torch.nan, dtype=torch.float64)
            self._known[node] = constant_W
        return self._num_folded

    def _after(self, node: fx.Node, into_W: Tensor, shape: tuple[int, ...]) -> Tensor | None:
        """Return what is constant after a node; None if that is not known."""
        if is_flatten(node):
            return into_W.repeat_interleave(shape[1] // max(1, len(into_W)))
        if node.op == "call_module":
            return self._through(str(node.target), into_W, shape)
        target = node.target
        if target in ops.SUMS or target in ops.PRODUCTS:
            return self._combined(node, into_W)
        if target in ops.MEANS or target == "mean":
            means = is_over_places(node) and target in (torch.mean, "mean")
            return into_W if means else None
        if target in _POOL_FUNCTIONS or target in ("contiguous", "clone"):
            return into_W
        if node.op == "call_function" and target in _ELEMENTWISE:
            function: Any = target
            return _applied(lambda values: function(values, *node.args[1:], **node.kwargs), into_W)
        if node.op == "call_method" and target in _ELEMENTWISE_METHODS:
            return getattr(into_W, str(target))()  # type: ignore[no-any-return]
        return None

    def _through(self, name: str, into_W: Tensor, shape: tuple[int, ...]) -> Tensor | None:
        module = self._modules[name]
        kind = type(module)
        if kind in _POOLS:
            return into_W
        if kind in _PADDING_POOLS:
            return torch.where(into_W == 0, into_W, torch.nan)
        if kind in _ELEMENTWISE_MODULES:
            return _applied(module, into_W)
        if name not in self._used_once:
            return None
        if kind in ops.NORMS and module.running_mean is not None:
            return _normalised(module, into_W)
        if kind is nn.Linear and len(shape) == 2:
            return self._joined(module, into_W, pads=False)
        if kind in ops.CONVOLUTIONS and module.groups == 1:
            pads = kind is ConvSame or any(_sides(module.padding))
            return self._joined(module, into_W, pads=pads)
        return None

    def _joined(self, layer: Any, into_W: Tensor, *, pads: bool) -> Tensor:  # noqa: ANN401 - linear or convolution
        """Fold a layer's constant inputs and return which of its outputs are constant."""
        matters_OI = (layer.weight != 0).flatten(2).any(2) if layer.weight.dim() > 2 else (
            layer.weight != 0
        )  # fmt: skip
        constant_I = ~into_W.isnan() & matters_OI.any(0)
        nonzero_I = constant_I & (into_W != 0)
        self._num_folded += int(constant_I.sum())
        if pads:
            _fold_into_one(layer, into_W, nonzero_I)
        else:
            _fold_into_bias(layer, into_W, nonzero_I)
        layer.weight[:, constant_I & ~nonzero_I] = 0
        varies_O = (layer.weight != 0).flatten(1).any(1)
        bias_O = torch.zeros(len(varies_O)) if layer.bias is None else layer.bias
        return torch.where(varies_O, torch.nan, bias_O.double())

    def _combined(self, node: fx.Node, into_W: Tensor) -> Tensor | None:
        """Return the constants of a sum or product of tensors, or of a tensor and a number."""
        other = node.args[1] if len(node.args) == 2 else None
        if node.kwargs or (isinstance(other, fx.Node) and other not in self._known):
            return None
        value: Any = self._known[other] if isinstance(other, fx.Node) else other
        if isinstance(value, torch.Tensor) and len(value) != len(into_W):
            return None
        if not isinstance(value, torch.Tensor | int | float):
            return None
        return _operation(node.target)(into_W, value)  # type: ignore[no-any-return]


def _operation(target: Any) -> Any:  # noqa: ANN401 - a function of operator or torch
    """Return the same operation, never in place."""
    return {operator.iadd: operator.add, operator.imul: operator.mul}.get(target, target)


def _applied(function: Any, into_W: Tensor) -> Tensor | None:  # noqa: ANN401 - any elementwise function
    """Return a function of every constant, without changing them."""
    found = function(into_W.clone()[None])
    return found[0] if found.shape == (1, len(into_W)) else None


def _normalised(norm: Any, into_W: Tensor) -> Tensor | None:  # noqa: ANN401 - torch's base class is private
    """Return what BatchNorm makes of constants."""
    if len(into_W) != norm.num_features:
        return None
    scale_W = (norm.running_var.double() + norm.eps).rsqrt()
    if norm.weight is not None:
        scale_W = scale_W * norm.weight.double()
    shift_W = 0 if norm.bias is None else norm.bias.double()
    found_W: Tensor = (into_W - norm.running_mean.double()) * scale_W + shift_W
    return found_W


def _fold_into_bias(layer: Any, into_W: Tensor, which_I: Tensor) -> None:  # noqa: ANN401 - linear or convolution
    """Let the bias of a layer stand for its constant inputs."""
    if not which_I.any():
        return
    weight_OI = layer.weight.double().flatten(2).sum(2) if layer.weight.dim() > 2 else (
        layer.weight.double()
    )  # fmt: skip
    added_O = weight_OI[:, which_I] @ into_W[which_I]
    bias_O = 0 if layer.bias is None else layer.bias.double()
    layer.bias = nn.Parameter((bias_O + added_O).to(layer.weight.dtype))
    layer.weight[:, which_I] = 0


def _fold_into_one(layer: Any, into_W: Tensor, which_I: Tensor) -> None:  # noqa: ANN401 - a convolution
    """Let one constant channel of a padded convolution stand for all."""
    places = which_I.nonzero()[:, 0]
    if len(places) < 2:
        return
    chosen = int(places[into_W[places].abs().argmax()])
    shares_I = into_W[places] / into_W[chosen]
    shares_I = shares_I.reshape(1, -1, *[1] * (layer.weight.dim() - 2))
    merged = (layer.weight[:, places].double() * shares_I).sum(1)
    layer.weight[:, places] = 0
    layer.weight[:, chosen] = merged.to(layer.weight.dtype)


def _sides(padding: Any) -> tuple[Any, ...]:  # noqa: ANN401 - torch's many forms of padding
    """Return a convolution's padding as something that is true where it pads."""
    return (padding == "same",) if isinstance(padding, str) else tuple(padding)
