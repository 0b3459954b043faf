"""The TRAIN stage of a run, which keeps its results however it ends.

Everything so far is in the run folder; see `snip_gui.core.execution.book`.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import msgspec
import torch

from snip_gui.core.base.errors import (
    DiskFullError,
    DivergedError,
    ImagesLostError,
    MethodError,
    UserError,
)
from snip_gui.core.base.events import Event, Note, Progress
from snip_gui.core.base.seeding import stream_seed
from snip_gui.core.execution.book import RunBook
from snip_gui.core.methods.scoring import make_regime, out_of_memory
from snip_gui.core.pruning.masked_model import MaskedModel
from snip_gui.core.training.events import (
    MasksChanged,
    PointsMeasured,
    TrainingPaused,
    TrainingStarted,
)
from snip_gui.core.training.loop import Trainer
from snip_gui.core.training.preparing import Prepared, prepare

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.pruning.workbench import Workbench
    from snip_gui.core.runs.folder import Summary
    from snip_gui.core.training.events import RunState
    from snip_gui.core.training.metrics import MetricPoint
    from snip_gui.core.training.watching import WeightWatch

T = TypeVar("T")

_LOOK_SECONDS, _LOOKS = 0.1, 10


def make_trainer(bench: Workbench, masks: Mapping[str, NDArray[np.bool_]]) -> Trainer:
    """Apply the mask and return a trainer with the regime of the recipe's method."""
    recipe, regime = bench.recipe, make_regime(bench)
    # Dropout can only draw from the global generator; a resumed run restores its state.
    torch.manual_seed(stream_seed(recipe.seed, "dropout"))
    return Trainer(
        masked=MaskedModel(bench.model, bench.prunable, masks, regime.hold),
        train=bench.training_batches(),
        held_out={
            "validation": bench.batches("train", bench.split.validation_indices),
            "test": bench.batches("test"),
        },
        training=recipe.training,
        seed=recipe.seed,
        regime=regime,
        phases=recipe.phases,
    )


def train(
    folder: Path,
    summary: Summary,
    bench: Workbench,
    trainer: Trainer,
    prepared: Prepared,
    cancel: CancelToken,
    points: list[MetricPoint],
    watch: WeightWatch | None = None,
) -> Iterator[Event]:
    """Train to the end, until cancelled, or until the loss is not finite; keep all results.

    While the disk is full, training waits; see `when_room`.

    Raises
    ------
    UserError
        If the loss is not finite (`DivergedError`), an image file is gone (`ImagesLostError`), the
        method cannot continue (`MethodError`), the device runs out of memory, or a file cannot be
        written.
    """
    summary = msgspec.structs.replace(
        summary, trained_part=prepared.text, num_off_path=prepared.num_off_path
    )
    book = RunBook(folder, summary, bench, trainer, points)
    problem: UserError | None = None
    state: RunState = "stopped"
    try:
        yield from when_room(book.begin, cancel)
        yield _started(folder, summary, trainer, prepared)
        if points:
            yield PointsMeasured(tuple(points))
        if watch is not None:
            watch.begin()
        state = yield from _steps(book, trainer, cancel, watch)
    except DivergedError as error:
        state, problem = "diverged", error
    except (ImagesLostError, MethodError) as error:
        problem = error
    except torch.cuda.OutOfMemoryError:
        problem = out_of_memory("training.batch_size", trainer.training.batch_size)
    finally:
        trainer.close()
    try:
        done = yield from when_room(partial(book.close, state, str(problem or "")), cancel)
    except UserError as error:
        # Report why training ended rather than that saving failed too.
        if problem is not None:
            raise UserError(f"{problem.message} {error.message}", problem.hint) from error
        raise
    yield done
    if problem is not None:
        raise problem


def prepare_steps(trainer: Trainer) -> Generator[Event, None, Prepared]:
    """Prepare a trainer; raises `UserError` if the device runs out of memory."""
    try:
        return (yield from prepare(trainer))
    except torch.cuda.OutOfMemoryError as error:
        raise out_of_memory("training.batch_size", trainer.training.batch_size) from error


def when_room(write: Callable[[], T], cancel: CancelToken) -> Generator[Event, None, T]:
    """Write, and while the disk is full, report it, wait and retry; return the result.

    Raises
    ------
    DiskFullError
        If cancelled while the disk is full.
    """
    waits = False
    while True:
        try:
            written = write()
        except DiskFullError as error:
            if cancel.is_cancelled:
                raise
            if not waits:
                yield TrainingPaused(f"{error.message} Training resumes once there is space.")
            waits = True
        else:
            if waits:
                yield TrainingPaused("")
            return written
        for _ in range(_LOOKS):
            if not cancel.is_cancelled:
                time.sleep(_LOOK_SECONDS)
                yield Progress("Waiting for disk space")


def _steps(
    book: RunBook, trainer: Trainer, cancel: CancelToken, watch: WeightWatch | None
) -> Generator[Event, None, RunState]:
    """Train until done or cancelled; return the final state of the run."""
    for fresh in trainer.run():
        is_evaluated = bool(fresh) and trainer.evaluated_at == trainer.step
        if trainer.notes or (is_evaluated and trainer.regime.changes_masks):
            yield MasksChanged(sum(trainer.masked.counts().values()))
        while trainer.notes:
            yield Note(trainer.notes.pop(0))
        if fresh:
            book.add(fresh)
            yield PointsMeasured(tuple(fresh))
            yield from book.record_mask()
            yield from when_room(book.save, cancel)
        if watch is not None and (seen := watch.look(trainer)) is not None:
            yield seen
        yield book.progress()
        if cancel.is_cancelled and not trainer.is_done:
            return "stopped"
    return "finished"


def _started(
    folder: Path, summary: Summary, trainer: Trainer, prepared: Prepared
) -> TrainingStarted:
    return TrainingStarted(
        folder=folder,
        name=folder.name,
        sparsity=summary.sparsity,
        num_kept=summary.num_kept,
        num_parameters=summary.num_parameters,
        first_step=trainer.step,
        num_steps=trainer.num_steps,
        num_epochs=trainer.num_epochs,
        rates=prepared.rates,
    )
