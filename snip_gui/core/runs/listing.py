"""The runs of a folder at a glance, read from their files without loading a tensor."""

from __future__ import annotations

import datetime
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from snip_gui.core.base.errors import UserError
from snip_gui.core.data.sets.catalogue import DATASETS
from snip_gui.core.models.networks import find_network
from snip_gui.core.recipe.fields import METHOD
from snip_gui.core.recipe.recipe import Draw
from snip_gui.core.runs import folder as files
from snip_gui.core.runs.edits import RunNotes, read_notes
from snip_gui.core.runs.lock import RUNNING, is_running, was_killed_early

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from snip_gui.core.recipe.recipe import Minibatch, Recipe

EntryState: TypeAlias = Literal[
    "scored", "pruned", "stopped", "finished", "diverged", "running", "broken"
]
Signature: TypeAlias = tuple[tuple[str, int, int], ...]

MOST_CURVE_POINTS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEntry:
    """A run at a glance.

    Attributes
    ----------
    message
        Why it is broken, or why the training ended early; empty if there is nothing to say.
    sparsity
        Fraction removed, as reached.
    epochs_done, epochs
        Passes over the training images done, and those of the recipe.
    test_error
        Fraction of the test images classified wrongly at the end, or where it stands.
    best_validation_error
        Lowest error on the validation images.
    test_error_at_best
        Test error at the step with that validation error.
    seconds
        Time trained.
    curve
        Epoch and error of at most `MOST_CURVE_POINTS` points, of the validation images if some
        were held out, else of the test images.
    signature
        Name, time and size of each file: equal as long as nothing has changed.
    """

    folder: Path
    created: datetime.datetime
    state: EntryState
    message: str = ""
    recipe: Recipe | None = None
    network: str = ""
    dataset: str = ""
    minibatch: str = ""
    method: str = ""
    sparsity: float | None = None
    num_kept: int = 0
    epochs_done: float = 0.0
    epochs: int = 0
    test_error: float | None = None
    best_validation_error: float | None = None
    test_error_at_best: float | None = None
    seconds: float = 0.0
    size_bytes: int = 0
    curve: tuple[tuple[float, float], ...] = ()
    notes: RunNotes = field(default_factory=RunNotes)
    signature: Signature = ()

    @property
    def name(self) -> str:
        """Name of its folder."""
        return self.folder.name

    @property
    def can_continue(self) -> bool:
        """Whether it was ended before its training was done."""
        return self.state in ("stopped", "pruned")


def list_runs(runs_folder: Path, known: Iterable[RunEntry] = ()) -> Iterator[RunEntry]:
    """Yield every run of a folder, in no order; a damaged one is an entry that says why.

    Parameters
    ----------
    known
        What was listed before: runs whose files have not changed are not read again.

    Raises
    ------
    UserError
        If there is a folder and it cannot be read.
    """
    before = {entry.folder: entry for entry in known}
    try:
        folders = [Path(item.path) for item in os.scandir(runs_folder) if item.is_dir()]
    except FileNotFoundError:
        return
    except OSError as error:
        raise UserError(
            f"The runs in “{runs_folder}” cannot be listed: {error.strerror}.",
            "Check that you may read the folder.",
        ) from error
    for folder in folders:
        if folder.name.startswith("."):
            continue
        try:
            signature = _signature(folder)
        except OSError:
            continue  # moved away meanwhile
        names = {name for name, _, _ in signature}
        if not names & {files.RECIPE, files.SUMMARY}:
            continue
        entry = before.get(folder)
        if entry is None or entry.signature != signature or RUNNING in names:
            entry = read_entry(folder, signature)
        yield entry


def newest_first(entries: Iterable[RunEntry]) -> tuple[RunEntry, ...]:
    """Return runs in the order in which they were made, the last one first."""
    return tuple(sorted(entries, key=lambda e: (e.created, e.name), reverse=True))


def read_entry(folder: Path, signature: Signature = ()) -> RunEntry:
    """Read one run; one that cannot be read is an entry in the state ``broken``."""
    signature = signature or _signature(folder)
    size_bytes = sum(size for _, _, size in signature)
    last_ns = max((time_ns for _, time_ns, _ in signature), default=0)
    touched = datetime.datetime.fromtimestamp(last_ns / 1e9, datetime.UTC)
    notes = read_notes(folder)
    try:
        return _read(folder, size_bytes, notes, signature)
    except UserError as error:
        reason = error.message
    except (OSError, ValueError, ArithmeticError) as error:
        reason = f"Its files cannot be read: {error}."
    return RunEntry(
        folder=folder,
        created=touched,
        state="broken",
        message=reason,
        size_bytes=size_bytes,
        notes=notes,
        signature=signature,
    )


def minibatch_words(minibatch: Minibatch) -> str:
    """Return in a few words which images are scored."""
    if not isinstance(minibatch, Draw):
        own = f", {len(minibatch.images):,} own" if minibatch.images else ""
        return f"{len(minibatch.indices):,} picked{own}"
    classes = ", ".join(map(str, minibatch.classes))
    of = f" of class {classes}" if len(minibatch.classes) == 1 else f" of classes {classes}"
    return f"{minibatch.size:,} drawn" + (of if classes else "")


def method_title(recipe: Recipe) -> str:
    """Return the title of the pruning method."""
    name = recipe.pruning.method
    return dict(METHOD.choices).get(name, name)


def _network_title(recipe: Recipe) -> str:
    """Return the title of the network; its name if its package is not installed."""
    try:
        return find_network(recipe.model).title
    except UserError:
        return recipe.model.name


def _dataset_title(recipe: Recipe) -> str:
    """Return the title of the data set; its name if its package is not installed."""
    name = recipe.data.name
    return DATASETS[name].title if name in DATASETS.names else name


def thinned(
    points: Sequence[tuple[float, float]], most: int = MOST_CURVE_POINTS
) -> tuple[tuple[float, float], ...]:
    """Return at most so many of the points, evenly spread, the first and the last among them."""
    if len(points) <= most:
        return tuple(points)
    last = len(points) - 1
    return tuple(points[round(number * last / (most - 1))] for number in range(most))


def _read(folder: Path, size_bytes: int, notes: RunNotes, signature: Signature) -> RunEntry:
    recipe = files.read_recipe(folder)
    if was_killed_early(folder):
        return _lost_early(folder, recipe, size_bytes, notes, signature)
    if not (folder / files.SUMMARY).exists():
        raise UserError("It ended before it was scored.")
    summary = files.read_summary(folder)
    points, epochs_done, seconds = files.read_evaluations(folder)
    validation = [point for point in points if point.split == "validation"]
    test = [point for point in points if point.split == "test"]
    shown = validation or test
    return RunEntry(
        folder=folder,
        created=datetime.datetime.fromisoformat(summary.created),
        state="running" if is_running(folder) else files.get_run_state(summary),
        message=summary.message,
        recipe=recipe,
        network=_network_title(recipe),
        dataset=_dataset_title(recipe),
        minibatch=minibatch_words(recipe.minibatch),
        method=method_title(recipe),
        sparsity=summary.sparsity,
        num_kept=summary.num_kept,
        epochs_done=epochs_done,
        epochs=recipe.training.num_epochs,
        test_error=test[-1].error if test else None,
        best_validation_error=files.best_validation_error(points),
        test_error_at_best=files.error_at_best(points),
        seconds=max(seconds, summary.seconds),
        size_bytes=size_bytes,
        curve=thinned([(point.epoch, point.error) for point in shown]),
        notes=notes,
        signature=signature,
    )


def _lost_early(
    folder: Path, recipe: Recipe, size_bytes: int, notes: RunNotes, signature: Signature
) -> RunEntry:
    """Return a run that was killed before its training began: it can begin anew."""
    last_ns = max(time_ns for _, time_ns, _ in signature)
    return RunEntry(
        folder=folder,
        created=datetime.datetime.fromtimestamp(last_ns / 1e9, datetime.UTC),
        state="stopped",
        message="It ended before its training began.",
        recipe=recipe,
        network=find_network(recipe.model).title,
        dataset=DATASETS[recipe.data.name].title,
        minibatch=minibatch_words(recipe.minibatch),
        method=method_title(recipe),
        sparsity=recipe.pruning.sparsity,
        epochs=recipe.training.num_epochs,
        size_bytes=size_bytes,
        notes=notes,
        signature=signature,
    )


def _signature(folder: Path) -> Signature:
    """Return name, time and size of each file of a folder."""
    with os.scandir(folder) as items:
        found = [(item.name, item.stat()) for item in items if item.is_file()]
    return tuple(sorted((name, stat.st_mtime_ns, stat.st_size) for name, stat in found))
