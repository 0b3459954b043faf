"""Jobs on run folders that need no torch: listing, reading curves, writing notes, deleting."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snip_gui.core.base.errors import UserError
from snip_gui.core.runs import edits as run_edits
from snip_gui.core.runs.events import RunCurvesRead, RunMoved, RunsListed
from snip_gui.core.runs.folder import read_metrics
from snip_gui.core.runs.listing import list_runs, newest_first
from snip_gui.core.runs.naming import with_labels

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.base.events import Event
    from snip_gui.core.runs.edits import RunNotes
    from snip_gui.core.runs.listing import RunEntry
    from snip_gui.core.training.metrics import MetricPoint

# More points would take time to draw, but not be visible.
_MOST_TRAINING_POINTS = 4000


def list_job(runs_folder: Path, known: Sequence[RunEntry], cancel: CancelToken) -> Iterator[Event]:
    """List the runs of a folder; raises `UserError` as `list_runs` does."""
    found = []
    for entry in list_runs(runs_folder, known):
        cancel.raise_if_cancelled()
        found.append(entry)
    yield RunsListed(runs_folder, newest_first(with_labels(found)))


def curves_job(folders: Sequence[Path], cancel: CancelToken) -> Iterator[Event]:
    """Read the curves of runs; a damaged one has none."""
    for folder in folders:
        cancel.raise_if_cancelled()
        try:
            points = read_metrics(folder)
        except UserError:
            points = []
        yield RunCurvesRead(folder, tuple(_thinned(points)))


def note_job(folder: Path, notes: RunNotes, cancel: CancelToken) -> Iterator[Event]:
    """Save star, note and name of a run; raises `UserError` as `write_notes` does."""
    cancel.raise_if_cancelled()
    run_edits.write_notes(folder, notes)
    yield from ()


def bin_job(folders: Sequence[Path], cancel: CancelToken) -> Iterator[Event]:
    """Move runs to the bin; raises `UserError` at the first that cannot be moved."""
    for folder in folders:
        cancel.raise_if_cancelled()
        yield RunMoved(folder, run_edits.bin_run(folder))


def restore_job(moves: Sequence[tuple[Path, Path]], cancel: CancelToken) -> Iterator[Event]:
    """Move runs out of the bin, given the current and the former path of each.

    Raises
    ------
    UserError
        At the first run that cannot be moved.
    """
    for binned, folder in moves:
        cancel.raise_if_cancelled()
        run_edits.restore_run(binned, folder)
        yield RunMoved(binned, folder, restored=True)


def _thinned(points: list[MetricPoint]) -> list[MetricPoint]:
    """Drop training points if there are too many to draw."""
    num_training = sum(point.split == "train" for point in points)
    stride = -(-num_training // _MOST_TRAINING_POINTS) or 1
    kept, number = [], 0
    for point in points:
        if point.split == "train":
            number += 1
            if number % stride:
                continue
        kept.append(point)
    return kept
