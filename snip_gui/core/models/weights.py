"""Loads weights from a file into a network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.network_state import is_extra, weights_of
from snip_gui.core.graph.parameters import layer_kind
from snip_gui.core.weight_files.reading import read_checkpoint

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor, nn

_NAMED = 3


def read_state(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a file by name, masks applied; raises as `read_checkpoint` does."""
    return read_checkpoint(path).state


def load_weights(model: nn.Module, path: Path) -> str:
    """Load the weights of a file into a network; return a sentence on any that it lacks.

    If the file's last layer is for other classes, that of the network stays as initialised.

    Raises
    ------
    UserError
        If the file cannot be read or does not fit the network; the error names the mismatch.
    """
    wanted = weights_of(model)
    read = read_checkpoint(path).fitted(wanted).state
    state = {name: tensor for name, tensor in read.items() if not is_extra(name)}
    other = {
        name
        for name in wanted.keys() & state.keys()
        if wanted[name].shape != state[name].shape
    }  # fmt: skip
    refuse_codes(wanted, state)
    last = last_layer(model)
    head = {name for name in wanted if name.startswith(f"{last}.")}
    counters = {name for name in wanted if name.endswith("num_batches_tracked")}
    missing = wanted.keys() - state.keys() - counters
    unknown = state.keys() - wanted.keys()
    problems = [
        *(f"“{n}” is missing" for n in sorted(missing)),
        *(f"“{n}” is not in the network" for n in sorted(unknown)),
        *(
            f"“{n}” is {tuple(state[n].shape)}, not {tuple(wanted[n].shape)}"
            for n in sorted(other - head)
        ),
    ]
    if problems:
        more = f"; and {len(problems) - _NAMED:,} more" if len(problems) > _NAMED else ""
        raise UserError(
            f"“{path.name}” holds the weights of another network: "
            f"{'; '.join(problems[:_NAMED])}{more}.",
            "Choose the network that the weights belong to, or other weights.",
            field="model.weights",
        )
    drawn = head if other else set()
    model.load_state_dict(
        {n: state[n] for n in wanted.keys() & state.keys() if n not in drawn}, strict=False
    )
    if not drawn:
        return ""
    return (
        f"The last layer “{last}” of “{path.name}” has a different number of classes and was "
        "randomly initialised."
    )


def refuse_codes(wanted: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> None:
    """Raise `UserError` if a file has integers where the network has real or complex numbers.

    These are the codes of a quantised network rather than values of weights.

    Parameters
    ----------
    wanted, state
        Tensors of the network and of the file by name.
    """
    for name in wanted.keys() & state.keys():
        needs, has = wanted[name].dtype, state[name].dtype
        is_number = needs.is_floating_point or needs.is_complex
        if (is_number and not (has.is_floating_point or has.is_complex)) or (
            has.is_complex and not needs.is_complex
        ):
            kinds = [str(kind).removeprefix("torch.") for kind in (has, needs)]
            raise UserError(
                f"“{name}” is stored as {kinds[0]}, but is {kinds[1]} in the network.",
                "Choose a file with the weights themselves, not with quantised ones.",
                field="model.weights",
            )


def last_layer(model: nn.Module) -> str:
    """Return the name of the last prunable layer; one that no layer has if there is none."""
    last = " "
    for name, module in model.named_modules():
        last = name if layer_kind(module) else last
    return last
