"""Finds the weights in a file that fit a network, and says what does not fit."""

from __future__ import annotations

import itertools
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.network_state import get_weights, is_extra
from snip_gui.core.base.text import listed
from snip_gui.core.graph.parameters import layer_kind
from snip_gui.core.weight_files.reading import read_checkpoints, several_error

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from torch import Tensor, nn

    from snip_gui.core.weight_files.checkpoint import Checkpoint

_COUNTER = "num_batches_tracked"  # of BatchNorm; older files lack it
_NAMED = 3


def read_fitting(model: nn.Module, path: Path, key: str = "") -> Checkpoint:
    """Return the weights in a file that fit a network, under the network's names.

    Parameters
    ----------
    key
        Location of the weights in the file; empty to search for the only set that fits.

    Raises
    ------
    UserError
        If the file cannot be read, or if not exactly one set of weights fits; the error lists the
        sets, or the mismatches.
    """
    found = [fitted(checkpoint, model) for checkpoint in read_checkpoints(path, key)]
    problems = [misfits(model, checkpoint.state) for checkpoint in found]
    fitting = [one for one, reasons in zip(found, problems, strict=True) if not reasons]
    if len(fitting) > 1:
        raise several_error(path, [checkpoint.key for checkpoint in fitting])
    if fitting:
        return fitting[0]
    whose = f"under “{found[0].key}” " if found[0].key else ""
    others = f" None of its {len(found)} sets of weights fits." if len(found) > 1 else ""
    raise UserError(
        f"“{path.name}” holds {whose}the weights of another network: {sentence(problems[0])}."
        f"{others}",
        "Choose the network that the weights belong to, or other weights.",
        field="model.weights",
    )


def fitted(checkpoint: Checkpoint, model: nn.Module) -> Checkpoint:
    """Return a checkpoint under the names of a network, without extra state.

    A tensor that the network shares is under each of its names.
    """
    found = checkpoint.fitted(get_weights(model).keys())
    state = {name: tensor for name, tensor in found.state.items() if not is_extra(name)}
    return replace(found, state=shared(state, model), masks=shared(found.masks, model))


def shared(tensors: Mapping[str, Tensor], model: nn.Module) -> dict[str, Tensor]:
    """Return tensors by name; one that a network shares is under each of its names."""
    found = dict(tensors)
    for names in shared_names(model):
        there = [found[name] for name in names if name in found]
        for name in names if there else ():
            found.setdefault(name, there[0])
    return found


def shared_names(model: nn.Module) -> list[list[str]]:
    """Return the names of each parameter or buffer that has several."""
    tensors = [
        *model.named_parameters(remove_duplicate=False),
        *model.named_buffers(remove_duplicate=False),
    ]
    names: dict[int, list[str]] = defaultdict(list)
    for name, tensor in tensors:
        names[id(tensor)].append(name)
    return [several for several in names.values() if len(several) > 1]


def misfits(model: nn.Module, state: Mapping[str, Tensor]) -> list[str]:
    """Return the mismatches between a network and a state_dict; the last layer may differ in shape.

    If they have no name in common, the only mismatch lists the names of both.
    """
    wanted = get_weights(model)
    if wanted and state.keys().isdisjoint(wanted):
        return [f"its names are {_first(state)}; the network's are {_first(wanted)}"]
    head = f"{last_layer(model)}."
    missing = sorted(name for name in wanted.keys() - state.keys() if not name.endswith(_COUNTER))
    unknown = sorted(name for name in state.keys() - wanted.keys() if not name.endswith(_COUNTER))
    other = sorted(
        name
        for name in wanted.keys() & state.keys()
        if wanted[name].shape != state[name].shape and not name.startswith(head)
    )
    return [
        *(_describe_missing(name, state) for name in missing),
        *(f"“{name}” is not in the network" for name in unknown),
        *(f"“{n}” is {tuple(state[n].shape)}, not {tuple(wanted[n].shape)}" for n in other),
        *_unequal(model, state),
    ]


def _describe_missing(name: str, state: Collection[str]) -> str:
    """Return that a tensor is missing, or that a file has only what it is computed from."""
    layer, _, tensor = name.rpartition(".")
    stem = f"{layer}." if layer else ""
    if f"{name}_orig" in state or f"{stem}parametrizations.{tensor}.original" in state:
        return f"“{name}” is stored before its parametrization, which the file does not contain"
    return f"“{name}” is missing"


def _unequal(model: nn.Module, state: Mapping[str, Tensor]) -> list[str]:
    """Return the tensors that the network shares but that differ in the file."""
    found = []
    for first, *others in shared_names(model):
        found += [
            f"“{first}” and “{name}” are one tensor in the network, but differ"
            for name in others
            if {first, name} <= state.keys() and not _is_same(state[first], state[name])
        ]
    return found


def _is_same(one: Tensor, other: Tensor) -> bool:
    return one is other or (
        one.shape == other.shape
        and one.dtype == other.dtype
        and torch.equal(one.contiguous().view(torch.uint8), other.contiguous().view(torch.uint8))
    )


def _first(names: Collection[str]) -> str:
    """Return the first names and their common prefix, for display."""
    first, last = (name.split(".")[:-1] for name in (min(names), max(names)))
    common = "".join(
        f"{one}."
        for one, _ in itertools.takewhile(lambda p: p[0] == p[1], zip(first, last, strict=False))
    )
    begins = f", all beginning with “{common}”" if common else ""
    return f"{listed(list(names), most=_NAMED + 1)}{begins}"


def sentence(problems: Sequence[str]) -> str:
    """Join the first of several problems into a clause."""
    more = f"; and {len(problems) - _NAMED:,} more" if len(problems) > _NAMED else ""
    return f"{'; '.join(problems[:_NAMED])}{more}"


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
