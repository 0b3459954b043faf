"""Forward passes in which inputs or outputs of layers change, without changing the network."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from torch import Tensor, nn

from snip_gui.core.base.errors import MethodError, UserError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from snip_gui.core.pruning.workbench import Workbench

InputChange: TypeAlias = Callable[[Tensor], Tensor]
"""A function of a layer's input, which returns another."""
OutputChange: TypeAlias = Callable[[nn.Module, Tensor, Tensor], Tensor]
"""A function of a layer, its input and its output, which returns another output."""

_PLAIN = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


def refuse_unusual_layers(bench: Workbench) -> None:
    """Raise `UserError` unless all prunable layers are linear or convolutional.

    Subclasses are refused too: they may compute anything, and attention uses the weights of its
    linear layer without calling it.
    """
    for tensor in bench.prunable.layout.tensors:
        module: Any = bench.model.get_submodule(tensor.layer)
        own = tensor.name.removeprefix(f"{tensor.layer}.")
        if (
            type(module) not in _PLAIN
            or own not in ("weight", "bias")
            or module.weight.is_complex()
        ):
            method = bench.recipe.pruning.method
            raise UserError(
                f"“{method}” cannot prune “{tensor.layer}”: it prunes linear and convolutional "
                "layers only.",
                "Exclude the layer, or choose another network or method.",
                field="pruning.exclude",
            )


def forward_changed(
    model: nn.Module,
    images: Tensor,
    inputs: Mapping[str, InputChange],
    outputs: Mapping[str, OutputChange],
) -> Tensor:
    """Return the output of a network whose layers are changed.

    Parameters
    ----------
    inputs, outputs
        Changes of what layers receive and return, by the layer's name.

    Raises
    ------
    MethodError
        If the network does not call one of the layers.
    """
    called: set[str] = set()

    def before(layer: str, change: InputChange) -> Any:  # noqa: ANN401 - a hook
        def replace(module: nn.Module, values: tuple[Tensor, ...]) -> Tensor:
            called.add(layer)
            return change(values[0])

        return replace

    def after(layer: str, change: OutputChange) -> Any:  # noqa: ANN401 - a hook
        def replace(module: nn.Module, values: tuple[Tensor, ...], output: Tensor) -> Tensor:
            called.add(layer)
            return change(module, values[0], output)

        return replace

    hooks = [
        model.get_submodule(layer).register_forward_pre_hook(before(layer, change))
        for layer, change in inputs.items()
    ]
    hooks += [
        model.get_submodule(layer).register_forward_hook(after(layer, change))
        for layer, change in outputs.items()
    ]
    try:
        result: Tensor = model(images)
    finally:
        for hook in hooks:
            hook.remove()
    missing = sorted({*inputs, *outputs} - called)
    if missing:
        raise MethodError(
            f"The network uses “{missing[0]}” without calling it as a layer.",
            "Exclude this layer.",
            field="pruning.exclude",
        )
    return result
