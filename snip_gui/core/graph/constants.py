"""Folding of constant units, whose output is the same for every image, into the next layer.

For networks that are no longer trained. A unit whose inputs are all removed outputs its bias, which
an activation or BatchNorm maps to another constant. A linear layer, or a convolution without
padding, can absorb it exactly in its bias. A padded convolution sees zeros around a constant map,
so one constant channel stays and stands for all. Nothing is cut here: weights that no longer matter
become zero, and `find_paths` then leaves their units out.

Shapes: W slots along axis 1 of a tensor, O outputs and I inputs of a layer.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import torch
from torch import fx, nn

from snip_gui.core.graph import operations as ops
from snip_gui.core.graph.following import Follower, Shape
from snip_gui.core.graph.layers import ConvSame
from snip_gui.core.graph.tracing import trace

if TYPE_CHECKING:
    from torch import Tensor

_POOLS = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d, nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d,
          nn.AdaptiveAvgPool3d, nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.Identity,
          nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d)  # fmt: skip
_PADDING_POOLS = (nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d, nn.ZeroPad2d)
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
    """Fold inputs that are constant in evaluation mode into biases; return their number.

    The parameters are changed in place; their shapes are not.

    Raises
    ------
    CannotFollowError
        If the network cannot be traced.
    """
    return _ConstantFollower(model, trace(model, sample_BCHW)).fold()


class _ConstantFollower(Follower["Tensor"]):
    """Follows constants (W) along axis 1; NaN marks slots that depend on the image."""

    def __init__(self, model: nn.Module, graph: fx.Graph) -> None:
        super().__init__(model, graph)
        self._num_folded = 0

    def fold(self) -> int:
        self.walk()
        return self._num_folded

    def width(self, value: Tensor) -> int:
        return len(value)

    def follow_unknown(self, node: fx.Node, shape: Shape | None) -> Tensor | None:
        if shape is None or len(shape) < 2:
            return None
        return torch.full((shape[1],), torch.nan, dtype=torch.float64)

    def follow_flatten(self, node: fx.Node, into: Tensor, shape: Shape) -> Tensor:
        return into.repeat_interleave(shape[1] // max(1, len(into)))

    def follow_over_places(self, node: fx.Node, into: Tensor) -> Tensor | None:
        return into if node.target in (torch.mean, "mean") else None

    def follow_alone(self, node: fx.Node, into: Tensor, *, keeps_zero: bool) -> Tensor | None:
        target: Any = node.target
        if node.op == "call_module":
            return self._after_module(self.modules[str(target)], into)
        if target in _POOL_FUNCTIONS or target in ("contiguous", "clone"):
            return into
        if node.op == "call_function" and target in _ELEMENTWISE:
            return _applied(lambda values: target(values, *node.args[1:], **node.kwargs), into)
        if node.op == "call_method" and target in _ELEMENTWISE_METHODS:
            return getattr(into, str(target))()  # type: ignore[no-any-return]  # a tensor's method
        return None

    def _after_module(self, module: nn.Module, into: Tensor) -> Tensor | None:
        kind = type(module)
        if kind in _POOLS:
            return into
        if kind in _PADDING_POOLS:
            return torch.where(into == 0, into, torch.nan)
        return _applied(module, into)

    def follow_norm(self, node: fx.Node, into: Tensor) -> Tensor | None:
        norm = self.modules[str(node.target)]
        if str(node.target) not in self.used_once or norm.running_mean is None:
            return None
        return _normalised(norm, into)

    def follow_join(self, node: fx.Node, into: Tensor, shape: Shape) -> Tensor | None:
        layer = self.modules[str(node.target)]
        if str(node.target) not in self.used_once or layer.weight.is_complex():
            return None
        if type(layer) is nn.Linear:
            return self._joined(layer, into, pads=False)
        if layer.groups != 1:
            return None
        pads = type(layer) is ConvSame or any(_sides(layer.padding))
        return self._joined(layer, into, pads=pads)

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

    def follow_combined(self, node: fx.Node, into: Tensor) -> Tensor | None:
        other = node.args[1] if len(node.args) == 2 else None
        if node.kwargs or (isinstance(other, fx.Node) and other not in self.known):
            return None
        value: Any = self.known[other] if isinstance(other, fx.Node) else other
        if isinstance(value, torch.Tensor) and len(value) != len(into):
            return None
        if not isinstance(value, torch.Tensor | int | float):
            return None
        return _operation(node.target)(into, value)  # type: ignore[no-any-return]  # on tensors


def _operation(target: Any) -> Any:  # noqa: ANN401 - a function of operator or torch
    """Return the out-of-place variant of an operation."""
    return {operator.iadd: operator.add, operator.imul: operator.mul}.get(target, target)


def _applied(function: Any, into_W: Tensor) -> Tensor | None:  # noqa: ANN401 - any elementwise function
    """Return a function applied to every constant, out of place."""
    found = function(into_W.clone()[None])
    return found[0] if found.shape == (1, len(into_W)) else None


def _normalised(norm: Any, into_W: Tensor) -> Tensor | None:  # noqa: ANN401 - torch's base class is private
    """Return constants after BatchNorm."""
    if len(into_W) != norm.num_features:
        return None
    scale_W = (norm.running_var.double() + norm.eps).rsqrt()
    if norm.weight is not None:
        scale_W = scale_W * norm.weight.double()
    shift_W = 0 if norm.bias is None else norm.bias.double()
    found_W: Tensor = (into_W - norm.running_mean.double()) * scale_W + shift_W
    return found_W


def _fold_into_bias(layer: Any, into_W: Tensor, which_I: Tensor) -> None:  # noqa: ANN401 - linear or convolution
    """Absorb the constant inputs of a layer in its bias."""
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
    """Merge the constant input channels of a padded convolution into one."""
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
    """Return a convolution's padding per side; true values pad."""
    return (padding == "same",) if isinstance(padding, str) else tuple(padding)
