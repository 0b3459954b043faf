"""Measures the architecture of a network, with hooks, on one blank image.

Shapes: C channels, H rows, W columns.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import PackedSequence
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from snip_gui.core.base.network_state import unstorable_state
from snip_gui.core.graph.parameters import layer_kind, outside_parameters, own_prunable
from snip_gui.core.graph.trace_wiring import trace_wiring
from snip_gui.core.models.architecture import Architecture, LayerInfo

_FLOAT_BYTES = 4
# The backward pass keeps the input of a layer and computes a gradient of the same size.
_PASSES = 2
_TRANSPOSED = (
    functional.conv_transpose1d,
    functional.conv_transpose2d,
    functional.conv_transpose3d,
)
_WEIGHTED = (
    functional.linear, functional.conv1d, functional.conv2d, functional.conv3d, *_TRANSPOSED
)  # fmt: skip


def describe_architecture(
    model: nn.Module,
    input_shape: tuple[int, int, int],
    image_shape: tuple[int, int, int],
    num_classes: int,
    computed: tuple[str, ...] = (),
) -> Architecture:
    """Return the architecture of a network, on any device; the network is left unchanged.

    Parameters
    ----------
    input_shape, image_shape
        Channels, rows and columns of the network's input and of the images.
    computed
        Names of weights that were computed from other parameters.
    """
    watch = _Watch(model)
    training = {module: module.training for module in model.modules()}
    model.eval()
    image_1CHW = torch.zeros(1, *input_shape, device=next(model.parameters()).device)
    try:
        # With gradients enabled: otherwise attention uses a fused kernel that the counter cannot
        # see into.
        with torch.enable_grad(), watch, _WorkCounter(watch) as counter:
            model(image_1CHW)
    finally:
        watch.remove_hooks()
        for module, mode in training.items():
            module.training = mode
    layers = _layers(model, watch)
    sees_all = watch.first_width == math.prod(input_shape)
    return Architecture(
        image_shape=image_shape,
        input_shape=input_shape,
        num_classes=num_classes,
        layers=layers,
        other_multiply_accumulates=_other_work(model, counter.num_operations, layers),
        activation_bytes=watch.num_activations * _FLOAT_BYTES * _PASSES,
        first_linear=watch.first if sees_all else "",
        wiring=trace_wiring(model, image_1CHW),
        outside=tuple(outside_parameters(model).items()),
        unstorable=unstorable_state(model),
        computed=computed,
    )


class _Watch(TorchFunctionMode):
    """Records each use of a weight, even where a network applies it without calling its layer."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.uses: dict[str, int] = {}
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.num_activations = 0
        self.first, self.first_width = "", 0
        self.recurrent_depth = 0
        self._layer_of: dict[int, str] = {}
        for name, module in model.named_modules():
            for parameter in own_prunable(module):
                self._layer_of.setdefault(id(parameter), name)
        self._hooks = [
            module.register_forward_hook(self._watcher(name))
            for name, module in model.named_modules()
            if not isinstance(module, torch.jit.ScriptModule)  # takes no hooks
        ]
        for module in model.modules():
            if layer_kind(module) == "recurrent":
                self._hooks += [
                    module.register_forward_pre_hook(self._enter_recurrent),
                    module.register_forward_hook(self._leave_recurrent),
                ]

    def _enter_recurrent(self, _module: nn.Module, _inputs: object) -> None:
        self.recurrent_depth += 1

    def _leave_recurrent(self, _module: nn.Module, _inputs: object, _output: object) -> None:
        self.recurrent_depth -= 1

    def remove_hooks(self) -> None:
        """Remove the hooks from the network."""
        for hook in self._hooks:
            hook.remove()

    def __torch_function__(
        self,
        func: Any,  # noqa: ANN401 - any function of torch
        types: Any,  # noqa: ANN401 - as torch calls it
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401 - what the function returns
        result = func(*args, **(kwargs or {}))
        if func in _WEIGHTED:
            named = kwargs or {}
            inputs = args[0] if args else named["input"]
            weight = args[1] if len(args) > 1 else named["weight"]
            layer = self._layer_of.get(id(weight)) or self._layer_of.get(id(weight._base))
            if layer is not None:
                self._note(layer, func, inputs, weight, result)
        return result

    def _note(self, layer: str, func: Any, inputs: Tensor, weight: Tensor, result: Tensor) -> None:  # noqa: ANN401 - any function of torch
        """Count the positions at which a weight is applied."""
        self.num_activations += result.numel()
        if func is functional.linear:
            number = inputs.numel() // inputs.shape[-1]
        elif func in _TRANSPOSED:
            number = inputs.numel() // inputs.shape[1]
        else:
            number = result.numel() // result.shape[1]
        self._add(layer, number, weight.shape[1] if func is functional.linear else 0)

    def _add(self, layer: str, number: int, width: int) -> None:
        """Count uses; if the first layer of the network is linear, record its width."""
        if not self.first:
            self.first, self.first_width = layer, width
        self.uses[layer] = self.uses.get(layer, 0) + number

    def _watcher(self, name: str) -> Any:  # noqa: ANN401 - torch's kind of hook
        """Return a hook that records a module's output, and the steps of a recurrent one."""

        def look(module: nn.Module, inputs: Any, output: Any) -> None:  # noqa: ANN401 - any module
            values = output[0] if isinstance(output, tuple) and output else output
            if isinstance(values, PackedSequence):
                values = values.data
            if not isinstance(values, Tensor):
                return
            self.shapes[name] = tuple(values.shape[1:])
            kind = layer_kind(module)
            if next(module.children(), None) is None and kind not in ("linear", "convolution"):
                self.num_activations += values.numel()
            if kind == "recurrent":
                self._add(name, values.numel() // values.shape[-1], 0)
            if isinstance(module, nn.MultiheadAttention):
                # A single torch function applies both projections, where this mode cannot see them.
                self.num_activations += 4 * values.numel()  # queries, keys, values, weighted sum
                for part in (name, f"{name}.out_proj" if name else "out_proj"):
                    self._add(part, values.numel() // module.embed_dim, 0)

        return look


class _WorkCounter(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch leaves it untyped
    """Counts multiplications and additions outside recurrent layers, by torch's own formulas.

    It does what `torch.utils.flop_counter.FlopCounterMode` does, which imports the compiler of
    torch: a second of every start. Recurrent layers are left out, because only some of their
    kernels have a formula.
    """

    def __init__(self, watch: _Watch) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        self.num_operations = 0
        self._watch = watch

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Return False: this mode is never compiled, and torch need not prepare for it."""
        return False

    def __torch_dispatch__(
        self,
        func: Any,  # noqa: ANN401 - any operation of torch
        types: Any,  # noqa: ANN401 - as torch calls it
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401 - what the operation returns
        named = kwargs or {}
        count = flop_registry.get(func._overloadpacket)
        if count is None:
            with self:
                result = func.decompose(*args, **named)
            if result is not NotImplemented:
                return result
        result = func(*args, **named)
        if count is not None and not self._watch.recurrent_depth:
            self.num_operations += count(*args, **named, out_val=result)
        return result


def _other_work(model: nn.Module, num_operations: int, layers: tuple[LayerInfo, ...]) -> int:
    """Return the MACs that were counted in addition to those of layers' weights."""
    recurrent = {n for n, module in model.named_modules() if layer_kind(module) == "recurrent"}
    known = sum(layer.multiply_accumulates for layer in layers if layer.name not in recurrent)
    return max(0, num_operations // 2 - known)


def _layers(model: nn.Module, watch: _Watch) -> tuple[LayerInfo, ...]:
    """Return the modules with parameters of their own; a shared parameter counts once."""
    known: set[int] = set()
    rows: list[LayerInfo] = []
    for name, module in model.named_modules():
        fresh = [p for p in module.parameters(recurse=False) if id(p) not in known]
        if not fresh:
            continue
        known |= {id(parameter) for parameter in fresh}
        prunable = {id(p) for p in own_prunable(module)}
        applied = [p for p in fresh if id(p) in prunable and p.dim() > 1]
        weights = [p for p in applied if p.requires_grad]
        frozen = [p for p in applied if not p.requires_grad]
        rows.append(
            LayerInfo(
                name=name,
                kind=type(module).__name__,
                is_prunable=bool(prunable),
                output_shape=watch.shapes.get(name, ()),
                num_parameters=sum(p.numel() for p in fresh),
                num_weights=sum(p.numel() for p in weights),
                num_frozen=sum(p.numel() for p in fresh if not p.requires_grad),
                uses=watch.uses.get(name, 0),
                num_frozen_weights=sum(p.numel() for p in frozen),
            )
        )
    return tuple(rows)
