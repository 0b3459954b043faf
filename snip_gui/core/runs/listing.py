"""Overview of the runs in a folder, read from their files without loading tensors."""

from __future__ import annotations

import dataclasses
import datetime
import itertools
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from snip_gui.core.base.errors import UserError
from snip_gui.core.data.sets.catalogue import dataset_title
from snip_gui.core.models.networks import network_title
from snip_gui.core.recipe.methods import find_method
from snip_gui.core.recipe.pruning import Unavailable
from snip_gui.core.recipe.recipe import Draw, class_text
from snip_gui.core.runs import folder as files
from snip_gui.core.runs.edits import RunNotes, read_notes
from snip_gui.core.runs.lease import Sighting, is_lease, look
from snip_gui.core.runs.placing import is_half_made

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from snip_gui.core.recipe.recipe import Minibatch, Recipe
    from snip_gui.core.runs.folder import Summary

EntryState: TypeAlias = Literal[
    "scored", "pruned", "stopped", "finished", "diverged", "running", "broken"
]
Signature: TypeAlias = tuple[tuple[str, int, int], ...]

MOST_CURVE_POINTS = 100
_SECONDS_EACH = 5.0
_MOST_FILES = 10_000  # far more than any run has
_FIRST_YEAR, _LAST_YEAR = 1971, 2900


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEntry:
    """Overview of a run.

    Attributes
    ----------
    message
        Why it is broken, or why training ended early; otherwise empty.
    sparsity
        Fraction actually removed.
    epochs_done, epochs
        Completed passes over the training images, and those of the recipe.
    test_error
        Fraction of misclassified test images at the end, or so far.
    best_validation_error
        Lowest error on the validation split.
    test_error_at_best
        Test error at the step with the lowest validation error.
    seconds
        Training time.
    curve
        Epoch and error of at most `MOST_CURVE_POINTS` points, on the validation split if there is
        one, otherwise on the test images.
    signature
        Name, time and size of each file, to detect changes.
    leases
        Its leases when last read, and since when they have been unchanged.
    label
        Automatic name among other runs; see `snip_gui.core.runs.naming.with_labels`.
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
    leases: Sighting | None = None
    label: str = ""

    @property
    def name(self) -> str:
        """Display name: the user's, the automatic one, or that of the folder."""
        return self.notes.name or self.label or self.folder.name

    @property
    def can_continue(self) -> bool:
        """Whether its training was stopped before the end."""
        return self.state in ("stopped", "pruned")


def list_runs(runs_folder: Path, known: Iterable[RunEntry] = ()) -> Iterator[RunEntry]:
    """Yield every run of a folder, in no particular order; a damaged one as an entry that says why.

    Parameters
    ----------
    known
        Entries of an earlier listing: runs whose files have not changed are not read again.

    Raises
    ------
    UserError
        If the folder exists and cannot be read.
    """
    before = {entry.folder: entry for entry in known}
    try:
        with os.scandir(runs_folder) as items:
            folders = [Path(item.path) for item in items if _is_folder(item)]
    except FileNotFoundError:
        return
    except OSError as error:
        raise UserError(
            f"The runs in “{runs_folder}” cannot be listed: {error.strerror}.",
            "Check that you have permission to read the folder.",
        ) from error
    for folder in folders:
        if not folder.name.startswith("."):
            entry = _list_one(folder, before.get(folder))
            if entry is not None:
                yield entry


def _is_folder(item: os.DirEntry[str]) -> bool:
    try:
        return item.is_dir()
    except OSError:  # a symbolic link loop
        return False


def _list_one(folder: Path, before: RunEntry | None) -> RunEntry | None:
    """Return the current state of a run; None if the folder has none, or was moved meanwhile."""
    try:
        signature = _signature(folder)
    except FileNotFoundError:
        return None
    except OSError as error:
        return _broken(folder, f"Its folder cannot be read: {error.strerror}.")
    names = {name for name, _, _ in signature}
    if not names & {files.RECIPE, files.SUMMARY}:
        return None
    is_held = any(is_lease(name) for name in names)
    if before is None or before.signature != signature or is_held:
        return read_entry(folder, signature, before)
    return before


def newest_first(entries: Iterable[RunEntry]) -> tuple[RunEntry, ...]:
    """Return runs by time of creation, newest first."""
    return tuple(sorted(entries, key=lambda e: (e.created, e.folder.name), reverse=True))


def read_entry(folder: Path, signature: Signature = (), before: RunEntry | None = None) -> RunEntry:
    """Read a run; an unreadable one yields an entry in state ``broken``.

    Parameters
    ----------
    before
        Its earlier entry, to tell whether a lease of another computer has been renewed since.
    """
    try:
        signature = signature or _signature(folder)
        leases = look(folder, before.leases if before is not None else None)
        return _read(folder, signature, leases)
    except UserError as error:
        reason = error.message
    # Whatever its files contain, a single bad run must not hide the others.
    except Exception as error:  # noqa: BLE001 - see above
        reason = f"Its files cannot be read: {type(error).__name__}: {error}."
    return _broken(folder, reason, signature)


def _broken(folder: Path, reason: str, signature: Signature = ()) -> RunEntry:
    return RunEntry(
        folder=folder,
        created=_touched(signature),
        state="broken",
        message=reason,
        size_bytes=sum(size for _, _, size in signature),
        notes=read_notes(folder),
        signature=signature,
    )


def minibatch_words(minibatch: Minibatch) -> str:
    """Return a short description of the scored images."""
    if not isinstance(minibatch, Draw):
        own = f", {len(minibatch.images):,} own" if minibatch.images else ""
        return f"{len(minibatch.indices):,} picked{own}"
    classes = ", ".join(map(class_text, minibatch.classes))
    of = f" of class {classes}" if len(minibatch.classes) == 1 else f" of classes {classes}"
    return f"{minibatch.size:,} drawn" + (of if classes else "")


def method_title(recipe: Recipe) -> str:
    """Return the title of the pruning method."""
    pruning = recipe.pruning
    return pruning.method if isinstance(pruning, Unavailable) else find_method(pruning).title


def thinned(
    points: Sequence[tuple[float, float]], most: int = MOST_CURVE_POINTS
) -> tuple[tuple[float, float], ...]:
    """Return at most `most` points, evenly spread, including the first and the last."""
    if len(points) <= most:
        return tuple(points)
    last = len(points) - 1
    return tuple(points[round(number * last / (most - 1))] for number in range(most))


def _read(folder: Path, signature: Signature, leases: Sighting) -> RunEntry:
    recipe = files.read_recipe(folder)
    is_running = leases.holding != "free"
    entry = RunEntry(
        folder=folder,
        created=_touched(signature),
        state="running" if is_running else "stopped",
        recipe=recipe,
        network=network_title(recipe.model),
        dataset=dataset_title(recipe.data.name),
        minibatch=minibatch_words(recipe.minibatch),
        method=method_title(recipe),
        sparsity=recipe.pruning.sparsity,
        epochs=recipe.num_epochs,
        size_bytes=sum(size for _, _, size in signature),
        notes=read_notes(folder),
        signature=signature,
        leases=leases,
    )
    if is_half_made(folder):
        message = "" if is_running else "It ended before training began."
        return dataclasses.replace(entry, message=message)
    summary = files.read_summary(folder)
    points, epochs_done, seconds = files.read_evaluations(folder, seconds=_SECONDS_EACH)
    validation = [point for point in points if point.split == "validation"]
    test = [point for point in points if point.split == "test"]
    return dataclasses.replace(
        entry,
        created=_created(summary, signature),
        state="running" if is_running else files.get_run_state(summary),
        message=summary.message,
        sparsity=summary.sparsity,
        num_kept=summary.num_kept,
        epochs_done=epochs_done,
        test_error=test[-1].error if test else None,
        best_validation_error=files.best_validation_error(points),
        test_error_at_best=files.error_at_best(points),
        seconds=max(seconds, summary.seconds),
        curve=thinned([(point.epoch, point.error) for point in validation or test]),
    )


def _created(summary: Summary, signature: Signature) -> datetime.datetime:
    """Return when a run was scored; the time of its files if that is not recorded or unusable.

    The last representable year cannot be converted to every time zone.
    """
    try:
        created = datetime.datetime.fromisoformat(summary.created)
    except ValueError:
        return _touched(signature)
    if created.tzinfo is None:
        created = created.replace(tzinfo=datetime.UTC)
    is_usable = _FIRST_YEAR <= created.year <= _LAST_YEAR
    return created if is_usable else _touched(signature)


def _touched(signature: Signature) -> datetime.datetime:
    """Return the modification time of the newest file of a run."""
    last_ns = max((time_ns for _, time_ns, _ in signature), default=0)
    earliest, latest = (
        datetime.datetime(year, 1, 1, tzinfo=datetime.UTC).timestamp()
        for year in (_FIRST_YEAR, _LAST_YEAR)
    )
    seconds = min(max(last_ns / 1e9, earliest), latest)
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC)


def _signature(folder: Path) -> Signature:
    """Return name, time and size of all files in a folder."""
    found = []
    with os.scandir(folder) as items:
        for item in itertools.islice(items, _MOST_FILES):
            if not _is_folder(item):
                status = item.stat(follow_symlinks=False)
                found.append((item.name, status.st_mtime_ns, status.st_size))
    return tuple(sorted(found))
