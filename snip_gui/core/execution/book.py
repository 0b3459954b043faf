"""Keeps the files of a training run up to date: metrics, checkpoint, summary and curves."""

from __future__ import annotations

import csv
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from snip_gui.core.base.errors import DiskFullError
from snip_gui.core.base.events import Event, Note, Progress
from snip_gui.core.base.files import check_regular, replacing, write_error, write_text
from snip_gui.core.base.text import sparsity_text
from snip_gui.core.execution.event_file import EventFile
from snip_gui.core.execution.move_file import MoveFile
from snip_gui.core.execution.result_files import write_masks
from snip_gui.core.pruning.layer_table import layer_rows
from snip_gui.core.pruning.shrinking import num_off_path
from snip_gui.core.runs import folder as files
from snip_gui.core.runs.events import RunDone
from snip_gui.core.training.checkpoint import save_checkpoint
from snip_gui.core.training.events import MaskMoved
from snip_gui.core.training.mask_moves import pack_masks, packed_size
from snip_gui.core.training.metrics import MetricPoint, columns
from snip_gui.core.views.png_files import save_curves

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from snip_gui.core.pruning.workbench import Workbench
    from snip_gui.core.runs.folder import Summary
    from snip_gui.core.training.events import RunState
    from snip_gui.core.training.loop import Trainer

_CHECKPOINT_SECONDS = 20.0


@dataclass
class RunBook:
    """The files of a training run."""

    folder: Path
    summary: Summary
    bench: Workbench
    trainer: Trainer
    points: list[MetricPoint]
    _is_cut: bool = field(init=False, default=False)
    _size_bytes: int = field(init=False, default=0)
    _events: EventFile | None = field(init=False, default=None)
    _moves: MoveFile | None = field(init=False, default=None)

    def begin(self) -> None:
        """Write a first summary and all points so far, without those after the checkpoint.

        The summary comes first: a folder with a summary can be resumed, whatever else is missing.
        """
        self._events = EventFile(self.folder, self.summary) if self.bench.event_files else None
        self._first_step = self.trainer.step
        self._started = self._saved = time.monotonic()
        self._write_summary("stopped")
        self._write_points()
        if self.trainer.regime.changes_masks:
            size = packed_size(self.bench.prunable.layout)
            self._moves = MoveFile(self.folder, size, self._first_step)

    def record_mask(self) -> Iterator[Event]:
        """Record the mask if it has moved, and yield it; between outcomes nothing is removed."""
        trainer, layout = self.trainer, self.bench.prunable.layout
        if self._moves is None or not trainer.shows_result:
            return
        masks = {name: mask.cpu().numpy() for name, mask in trainer.masked.masks().items()}
        packed_B = pack_masks(masks, layout)
        is_new, warning = self._moves.add(trainer.step, packed_B)
        if warning:
            yield Note(warning)
        if is_new:
            packed_B.flags.writeable = False
            yield MaskMoved(trainer.step, packed_B)

    def add(self, fresh: list[MetricPoint]) -> None:
        """Append points; if the disk is full or the file was changed, `save` catches up."""
        self.points += fresh
        path = self.folder / files.METRICS
        if not self._is_intact(path):
            self._is_cut = True
            return
        try:
            self._write_rows(path, "a", [point.row() for point in fresh])
            self._size_bytes = path.stat().st_size
            if self._events is not None:
                self._events.add(fresh)
        except DiskFullError:
            self._is_cut = True
        except OSError as error:
            problem = write_error(path, error)
            if not isinstance(problem, DiskFullError):
                raise problem from error
            self._is_cut = True

    def _is_intact(self, path: Path) -> bool:
        """Return whether the metrics file has not been removed, truncated or replaced."""
        try:
            return check_regular(path) == self._size_bytes
        except OSError:
            return False

    def save(self) -> None:
        """Rewrite all points if some are missing; write a checkpoint if the last one is old."""
        if self._is_cut:
            self._write_points()
        if time.monotonic() - self._saved > _CHECKPOINT_SECONDS:
            self._write_checkpoint("stopped")

    def progress(self) -> Progress:
        """Return the progress of training."""
        trainer = self.trainer
        done = trainer.step - self._first_step
        elapsed = time.monotonic() - self._started
        left = elapsed / done * (trainer.num_steps - trainer.step) if done else None
        num_epochs = trainer.num_epochs
        epoch = min(num_epochs, trainer.step // trainer.steps_per_epoch + 1)
        text = f"Training, epoch {epoch} of {num_epochs}"
        return Progress(text, trainer.step, trainer.num_steps, left)

    def close(self, state: RunState, message: str = "") -> RunDone:
        """Write everything a last time. A diverged run keeps its last good checkpoint."""
        if self._is_cut:
            self._write_points()
        if state == "diverged":
            self._write_summary(state, message)
        else:
            self._write_checkpoint(state, message, is_last=True)
        title = f"{self.folder.name}: {sparsity_text(self.summary.sparsity)} removed"
        save_curves(self.folder / files.CURVES, self.points, title)
        return RunDone(self.folder, self.summary)

    def _write_points(self) -> None:
        """Write all points atomically."""
        with replacing(self.folder / files.METRICS) as part:
            header = columns([row.layer for row in self.summary.layers])
            self._write_rows(part, "w", [header, *(point.row() for point in self.points)])
            size_bytes = part.stat().st_size
        if self._events is not None:
            self._events.write(self.points)
        self._is_cut, self._size_bytes = False, size_bytes

    def _write_checkpoint(
        self, state: RunState, message: str = "", *, is_last: bool = False
    ) -> None:
        save_checkpoint(self.folder / files.CHECKPOINT, self.trainer)
        if is_last and self.trainer.regime.changes_masks:
            # Before the summary: once that states that the run is finished, nothing is written
            # again.
            write_masks(self.folder, self.bench, self.trainer.masked)
            number = num_off_path(self.trainer.masked, self.bench.minibatch.inputs_KCHW)
            self.summary = msgspec.structs.replace(self.summary, num_off_path=number)
        self._write_summary(state, message)
        self._saved = time.monotonic()

    def _write_summary(self, state: RunState, message: str = "") -> None:
        self.summary = msgspec.structs.replace(
            self.summary,
            state=state,
            step=self.trainer.step,
            num_steps=self.trainer.num_steps,
            seconds=self.trainer.seconds,
            final=files.final_values(self.points),
            best_validation_error=files.best_validation_error(self.points),
            message=message,
        )
        if self.trainer.regime.changes_masks:
            layout, counts = self.bench.prunable.layout, self.trainer.masked.counts()
            self.summary = msgspec.structs.replace(
                self.summary,
                num_kept=sum(counts.values()),
                layers=tuple(
                    files.LayerSummary(layer=row.layer, kept=row.kept, total=row.total)
                    for row in layer_rows(layout, counts)
                ),
            )
        write_summary(self.folder, self.summary)

    @staticmethod
    def _write_rows(path: Path, mode: str, rows: list[list[str]]) -> None:
        with path.open(mode, newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(rows)


def write_summary(folder: Path, summary: Summary) -> None:
    """Write ``summary.json``."""
    text = msgspec.json.format(msgspec.json.encode(summary), indent=2).decode()
    write_text(folder / files.SUMMARY, text + "\n")
