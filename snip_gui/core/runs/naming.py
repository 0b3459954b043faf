"""Short names of runs: method, sparsity and seed, and whatever else tells namesakes apart."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from typing import TYPE_CHECKING

from snip_gui.core.base.text import sparsity_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from snip_gui.core.runs.listing import RunEntry

_SEPARATOR = " · "


def _epochs(entry: RunEntry) -> str:
    return "1 epoch" if entry.epochs == 1 else f"{entry.epochs:,} epochs"


# What may tell runs of the same short name apart, in the order in which it is named.
_PARTS: tuple[Callable[[RunEntry], str], ...] = (
    lambda entry: entry.network,
    lambda entry: entry.dataset,
    lambda entry: entry.minibatch,
    _epochs,
)


def short_name(method: str, sparsity: float, seed: int) -> str:
    """Return a name such as ``SNIP 98% · seed 1``; the dense network has no method."""
    what = f"{method} {sparsity_text(sparsity)}" if sparsity > 0 else "Dense"
    return f"{what}{_SEPARATOR}seed {seed}"


def with_labels(entries: Iterable[RunEntry]) -> tuple[RunEntry, ...]:
    """Return runs with automatic names that are unique among them.

    Namesakes are distinguished by network, data, minibatch and epochs: as few of these as needed.
    Names that are still equal are numbered from the second one, in order of creation, so
    that a new run leaves the names of others as they are.
    """
    runs = tuple(entries)
    namesakes: dict[str, list[RunEntry]] = defaultdict(list)
    for entry in runs:
        namesakes[_plain_label(entry)].append(entry)
    labels: dict[str, str] = {}
    for label, members in namesakes.items():
        labels |= _tell_apart(label, members)
    return tuple(_labelled(entry, labels[entry.folder.name]) for entry in runs)


def _plain_label(entry: RunEntry) -> str:
    if entry.recipe is None:  # damaged: nothing is known but its folder
        return entry.folder.name
    return short_name(entry.method, entry.recipe.pruning.sparsity, entry.recipe.seed)


def _tell_apart(label: str, members: Sequence[RunEntry]) -> dict[str, str]:
    """Return the names of namesakes by folder name."""
    parts: list[Callable[[RunEntry], str]] = []
    for part in _PARTS:
        if _num_distinct([*parts, part], members) > _num_distinct(parts, members):
            parts.append(part)
    names: dict[str, str] = {}
    times: dict[str, int] = defaultdict(int)
    for entry in sorted(members, key=lambda e: (e.created, e.folder.name)):
        name = _SEPARATOR.join((label, *(part(entry) for part in parts)))
        times[name] += 1
        names[entry.folder.name] = name if times[name] == 1 else f"{name} ({times[name]})"
    return names


def _num_distinct(parts: Sequence[Callable[[RunEntry], str]], members: Sequence[RunEntry]) -> int:
    """Return how many different names some parts give."""
    return len({tuple(part(entry) for part in parts) for entry in members})


def _labelled(entry: RunEntry, label: str) -> RunEntry:
    return entry if entry.label == label else dataclasses.replace(entry, label=label)
