"""Tables of runs: their results, and the differences of their recipes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from snip_gui.core.base.text import size_text
from snip_gui.core.recipe.fields import METHOD, all_fields
from snip_gui.core.reports.text_tables import Table

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from snip_gui.core.recipe.recipe import Recipe
    from snip_gui.core.runs.listing import RunEntry

NOTHING = "—"
"""Placeholder for a missing value."""

_MOST_SHOWN = 60
_EDITS = "pruning.edits"


def percent(fraction: float | None) -> str:
    """Format a fraction in percent."""
    return NOTHING if fraction is None else f"{fraction:.2%}"


def duration(seconds: float) -> str:
    """Format a duration in two units: ``1 h 05 min``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    return f"{minutes // 60} h {minutes % 60:02} min"


def runs_table(entries: Sequence[RunEntry]) -> Table:
    """Return the results of runs."""
    headers = (
        "Run", "Network", "Data", "Minibatch", "Method", "Sparsity", "Test error, final",
        "Test error at lowest validation error", "Lowest validation error", "Epochs",
        "Training time",
        "Size on disk", "State", "Seed", "Note",
    )  # fmt: skip
    rows = tuple(
        (
            entry.name,
            entry.network,
            entry.dataset,
            entry.minibatch,
            entry.method,
            percent(entry.sparsity),
            percent(entry.test_error),
            percent(entry.test_error_at_best),
            percent(entry.best_validation_error),
            f"{entry.epochs_done:.4g} of {entry.epochs}",
            duration(entry.seconds),
            size_text(entry.size_bytes),
            entry.state,
            NOTHING if entry.recipe is None else str(entry.recipe.seed),
            entry.notes.note,
        )
        for entry in entries
    )
    return Table(headers, rows)


def differences(named: Sequence[tuple[str, Recipe]]) -> Table:
    """Return the fields in which recipes differ: one row per field, one column per recipe."""
    labels = {METHOD.path: METHOD.label, "minibatch.kind": "Choice of the minibatch"} | {
        field.path: field.label for field in all_fields()
    }
    labels[_EDITS] = "Mask edits"
    flat = [dict(_leaves(msgspec.to_builtins(recipe), "")) for _, recipe in named]
    for values, (_, recipe) in zip(flat, named, strict=True):
        values[_EDITS] = tuple(map(str, recipe.pruning.edits))
    known = [METHOD.path, *labels]
    others = sorted({path for values in flat for path in values} - set(known))
    rows = []
    for path in (*dict.fromkeys(known), *others):
        cells = tuple(_shown(values.get(path)) for values in flat)
        raw = {msgspec.json.encode(values.get(path)) for values in flat}
        if len(raw) > 1:
            rows.append((f"{labels[path]} ({path})" if path in labels else path, *cells))
    return Table(("Field", *(name for name, _ in named)), tuple(rows))


def other_settings(recipes: Sequence[Recipe], shown: Collection[str]) -> list[str]:
    """Return the settings in which recipes differ, one text for each: ``Batch size 50, Rate 0.1``.

    Parameters
    ----------
    shown
        Dotted names that are left out, with everything below them, because they are shown anyway.
    """
    flat = [dict(_leaves(msgspec.to_builtins(recipe), "")) for recipe in recipes]
    labels = {field.path: field.label for field in all_fields()}
    below = tuple(f"{path}." for path in shown)
    paths = [path for path in labels if path not in shown and not path.startswith(below)]
    parts: list[list[str]] = [[] for _ in recipes]
    for path in paths:
        values = [_shown(leaves[path]) if path in leaves else "" for leaves in flat]
        # What only some methods have is implied by the method.
        if len({value for value in values if value}) > 1:
            for part, value in zip(parts, values, strict=True):
                part += [f"{labels[path]} {value}"] if value else []
    return [", ".join(part) for part in parts]


def _leaves(part: dict[str, Any], prefix: str) -> Iterator[tuple[str, object]]:
    """Yield the dotted name and value of every field."""
    for name, value in part.items():
        path = f"{prefix}.{name}" if prefix else name
        if isinstance(value, dict):
            yield from _leaves(value, path)
        else:
            yield path, value


def _shown(value: object) -> str:
    """Return a value as text, shortened if long."""
    match value:
        case None:
            return NOTHING
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.10g}"
        case list() | tuple():
            text = ", ".join(map(_shown, value)) or "none"
        case _:
            text = str(value) or "none"
    return text if len(text) <= _MOST_SHOWN else text[: _MOST_SHOWN - 1] + "…"
