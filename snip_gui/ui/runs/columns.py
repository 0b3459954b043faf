"""The columns of the table of runs, and which of them tell the runs apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from snip_gui.core.base.text import size_text, to_local
from snip_gui.core.reports.tables import NOTHING, duration, percent

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from snip_gui.core.runs.listing import RunEntry


@dataclass(frozen=True, slots=True)
class RunColumn:
    """A column.

    Attributes
    ----------
    key
        Returns the sort key of a run; None is sorted last.
    path
        The field of the recipe that it shows; empty if it shows a result.
    """

    name: str
    title: str
    tip: str
    text: Callable[[RunEntry], str]
    key: Callable[[RunEntry], object]
    width: int
    is_number: bool = False
    path: str = ""


def _epochs(entry: RunEntry) -> str:
    done = f"{entry.epochs_done:.3g}"
    return done if done == str(entry.epochs) else f"{done} of {entry.epochs}"


def _seed(entry: RunEntry) -> int | None:
    return None if entry.recipe is None else entry.recipe.seed


COLUMNS = (
    RunColumn("shown", "", "Overlay the run on the training charts and the error plot",
              lambda _: "", lambda _: 0, 28),
    RunColumn("star", "★", "Click to star the run", lambda e: "★" if e.notes.starred else "☆",
              lambda e: not e.notes.starred, 28),
    RunColumn("name", "Name", "F2 renames it; the folder keeps its name",
              lambda e: e.name, lambda e: e.name.casefold(), 190),
    RunColumn("curve", "Curve", "Validation error by epoch; test error without a validation split",
              lambda _: "", lambda e: e.curve[-1][1] if e.curve else None, 72),
    RunColumn("test_error", "Test, final", "Error on the test images after training",
              lambda e: percent(e.test_error), lambda e: e.test_error, 84, is_number=True),
    RunColumn("test_error_at_best", "Test at lowest val.",
              "Error on the test images where the validation error was lowest",
              lambda e: percent(e.test_error_at_best), lambda e: e.test_error_at_best, 130,
              is_number=True),
    RunColumn("validation_error", "Lowest val.", "Lowest error on the validation split",
              lambda e: percent(e.best_validation_error), lambda e: e.best_validation_error, 84,
              is_number=True),
    RunColumn("state", "State", "", lambda e: e.state, lambda e: e.state, 70),
    RunColumn("network", "Network", "", lambda e: e.network, lambda e: e.network.casefold(), 112,
              path="model.name"),
    RunColumn("dataset", "Data", "", lambda e: e.dataset, lambda e: e.dataset.casefold(), 82,
              path="data.name"),
    RunColumn("method", "Method", "How the connections were ranked", lambda e: e.method,
              lambda e: e.method, 100, path="pruning.method"),
    RunColumn("sparsity", "Sparsity", "Fraction of the connections removed",
              lambda e: percent(e.sparsity), lambda e: e.sparsity, 72, is_number=True,
              path="pruning.sparsity"),
    RunColumn("seed", "Seed", "Determines every random choice",
              lambda e: NOTHING if e.recipe is None else str(e.recipe.seed), _seed, 54,
              is_number=True, path="seed"),
    RunColumn("epochs", "Epochs", "Passes over the training images", _epochs,
              lambda e: e.epochs_done, 84, is_number=True, path="training.epochs"),
    RunColumn("minibatch", "Minibatch", "The scored images", lambda e: e.minibatch,
              lambda e: e.minibatch, 150, path="minibatch"),
    RunColumn("seconds", "Time", "Training time", lambda e: duration(e.seconds),
              lambda e: e.seconds, 86, is_number=True),
    RunColumn("size", "Size", "Size on disk", lambda e: size_text(e.size_bytes),
              lambda e: e.size_bytes, 66, is_number=True),
    RunColumn("made", "Made", "When it was scored",
              lambda e: f"{to_local(e.created):%Y-%m-%d %H:%M}",
              lambda e: (e.created.timestamp(), e.folder.name), 124),
    RunColumn("note", "Note", "Double-click to write a note", lambda e: e.notes.note,
              lambda e: e.notes.note.casefold() or None, 160),
)  # fmt: skip
NUMBERS = {column.name: number for number, column in enumerate(COLUMNS)}
SETTINGS = "settings"
"""The last column: every other setting in which the runs differ. Its text depends on all runs."""

_FIRST = ("shown", "star", "name")


def column_order(entries: Collection[RunEntry], has_settings: bool) -> tuple[str, ...]:
    """Return the names of the columns from left to right: after the name, what differs.

    Parameters
    ----------
    has_settings
        Whether the runs differ in anything that has no column of its own.
    """
    known = [entry for entry in entries if entry.recipe is not None]
    differing = [
        column.name
        for column in COLUMNS
        if column.path and len({_setting(column, entry) for entry in known}) > 1
    ]
    if has_settings:
        differing.append(SETTINGS)
    names = [column.name for column in COLUMNS]
    rest = [name for name in (*names, SETTINGS) if name not in (*_FIRST, *differing)]
    return (*_FIRST, *differing, *rest)


def _setting(column: RunColumn, entry: RunEntry) -> object:
    """Return what the recipe sets, rather than what has been reached so far."""
    return entry.epochs if column.name == "epochs" else column.text(entry)
