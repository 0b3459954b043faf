"""From a recipe to a complete run folder; the only writer of run folders.

The window draws the events of `run_steps` in its compute lane; the command line drains them.
"""

from __future__ import annotations

import datetime
import hashlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

from snip_gui.core.base.devices import versions
from snip_gui.core.base.errors import UserError
from snip_gui.core.base.events import Event, Note
from snip_gui.core.base.files import copy_file, write_text
from snip_gui.core.base.tensors import as_tensor, load_tensors, save_tensors
from snip_gui.core.data.minibatch.own_images import copy_images
from snip_gui.core.data.sets.catalogue import DATASETS
from snip_gui.core.data.sets.loading import read_images, read_options_for
from snip_gui.core.execution.book import write_summary
from snip_gui.core.execution.training import make_trainer, prepare_steps, train
from snip_gui.core.graph.layout import split_flat
from snip_gui.core.models.networks import without_file_weights
from snip_gui.core.models.own import OWN
from snip_gui.core.pruning.scoring import describe, prune
from snip_gui.core.pruning.workbench import Workbench, build_steps
from snip_gui.core.recipe.json import encode_recipe
from snip_gui.core.runs import folder as files
from snip_gui.core.runs.events import RunDone
from snip_gui.core.runs.folder import LayerSummary, Summary
from snip_gui.core.runs.lock import holding, refuse_running, was_killed_early
from snip_gui.core.training.checkpoint import load_checkpoint
from snip_gui.core.views.png_files import save_input_map, save_layer_bars

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping

    from torch import Tensor

    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.base.environment import Environment
    from snip_gui.core.data.images.image_set import ImageSet
    from snip_gui.core.pruning.scored import Scored
    from snip_gui.core.recipe.recipe import Recipe
    from snip_gui.core.training.watching import WeightWatch

StopAfter: TypeAlias = Literal["score", "prune", "train"]


def run(
    recipe: Recipe,
    folder: Path,
    environment: Environment,
    on_event: Callable[[Event], None],
    cancel: CancelToken,
    *,
    stop_after: StopAfter = "train",
) -> Summary:
    """Work a recipe out into a folder and return its summary; raises as `run_steps`."""
    return _drain(run_steps(recipe, folder, environment, cancel, stop_after=stop_after), on_event)


def resume(
    folder: Path,
    environment: Environment,
    on_event: Callable[[Event], None],
    cancel: CancelToken,
) -> Summary:
    """Take up the run in a folder and return its summary; raises as `resume_steps`."""
    return _drain(resume_steps(folder, environment, cancel), on_event)


def run_steps(
    recipe: Recipe,
    folder: Path,
    environment: Environment,
    cancel: CancelToken,
    *,
    images: ImageSet | None = None,
    stop_after: StopAfter = "train",
    watch: WeightWatch | None = None,
) -> Iterator[Event]:
    """Work a recipe out into a folder, yielding between steps; ends in `RunDone`.

    A cancelled training is kept, with a checkpoint to go on from.

    Parameters
    ----------
    images
        The recipe's data set if it is already in memory.
    stop_after
        The last stage to do.
    watch
        What is to be seen of the weights on the way.

    Raises
    ------
    UserError
        If the folder already holds a run or cannot be written to, the recipe cannot be worked out,
        or, and then what was done is kept, the loss is no longer a number (`DivergedError`) or an
        image file went (`ImagesLostError`).
    Cancelled
        If cancelled before training.
    """
    if (folder / files.RECIPE).exists():
        raise UserError(
            f"“{folder}” already holds a run.", "Choose another folder, or resume that run."
        )
    yield from _from_the_start(recipe, folder, environment, cancel, images, stop_after, watch)


def _from_the_start(
    recipe: Recipe,
    folder: Path,
    environment: Environment,
    cancel: CancelToken,
    images: ImageSet | None,
    stop_after: StopAfter,
    watch: WeightWatch | None,
) -> Iterator[Event]:
    """Work a recipe out into a folder, whatever is in it of an attempt that was killed."""
    if images is None:
        images = yield from _read(recipe, environment, cancel)
    bench = yield from build_steps(recipe, environment, images, cancel)
    scored = yield from prune(bench, cancel)
    num_kept = kept_or_refuse(scored, recipe.pruning.sparsity)
    yield Note(describe(scored))
    # From the first file on: what is killed before its training begins can be told from what was
    # to end there.
    with holding(folder):
        summary = _write_scored(folder, bench, scored, num_kept, environment)
        yield from _prune_and_train(folder, bench, scored, summary, cancel, stop_after, watch)


def _prune_and_train(
    folder: Path,
    bench: Workbench,
    scored: Scored,
    summary: Summary,
    cancel: CancelToken,
    stop_after: StopAfter,
    watch: WeightWatch | None,
) -> Iterator[Event]:
    """Go on with what was scored and written."""
    num_kept = summary.num_kept
    if stop_after == "score":
        yield _finish(folder, summary)
        return
    masks = scored.ranking.mask_at(num_kept)
    save_tensors(folder / files.MASKS, {k: as_tensor(v.astype("uint8")) for k, v in masks.items()})
    _draw_pruned(folder, scored, num_kept)
    trainer = make_trainer(bench, masks)
    if bench.recipe.pruning.after == "redraw":
        # Before training, so that a run that stops here exports and resumes from these weights.
        save_tensors(folder / files.START, bench.model.state_dict())
    summary = msgspec.structs.replace(summary, state="pruned")
    if stop_after == "prune":
        yield _finish(folder, summary)
        return
    prepared = yield from prepare_steps(trainer)
    yield from train(folder, summary, trainer, prepared, cancel, [], watch)


def resume_steps(
    folder: Path,
    environment: Environment,
    cancel: CancelToken,
    *,
    images: ImageSet | None = None,
    watch: WeightWatch | None = None,
) -> Iterator[Event]:
    """Take up a run where its last checkpoint is; ends in `RunDone`, at once if it is finished.

    One that was killed before its training began is worked out anew. The thread count recorded
    with the run is used, whatever the surroundings say.

    Raises
    ------
    UserError
        If the folder holds no run with a mask, the run diverged or is being trained, or a file is
        damaged.
    """
    recipe = files.read_recipe(folder)
    refuse_running(folder)
    if was_killed_early(folder):
        yield Note(f"“{folder.name}” ended before its training began; it begins anew.")
        kept = (folder / files.IMAGES, *environment.image_folders)
        environment = replace(environment, image_folders=kept)
        if (folder / files.NETWORK).exists():
            recipe = _of_folder(recipe, folder)
        yield from _from_the_start(recipe, folder, environment, cancel, images, "train", watch)
        return
    summary = files.read_summary(folder)
    match files.get_run_state(summary):
        case "finished":
            yield Note(f"“{folder.name}” is already finished.")
            yield RunDone(folder, summary)
            return
        case "diverged" | "scored" as state:
            raise UserError(
                f"“{folder.name}” cannot be resumed: it is {state}.", "Start a new run instead."
            )
    environment = replace(
        environment,
        num_threads=summary.num_threads,
        data_folder=environment.data_folder or _recorded_folder(summary),
        image_folders=(folder / files.IMAGES, *environment.image_folders),
    )
    if images is None:
        images = yield from _read(recipe, environment, cancel)
    _refuse_other_images(summary, images, folder)
    bench = yield from build_steps(_of_folder(recipe, folder), environment, images, cancel)
    began, _ = load_tensors(folder / files.INIT)
    bench.model.load_state_dict(began)
    stored, _ = load_tensors(folder / files.MASKS)
    trainer = make_trainer(bench, {name: mask.bool().numpy() for name, mask in stored.items()})
    prepared = yield from prepare_steps(trainer)
    if (folder / files.CHECKPOINT).exists():
        load_checkpoint(folder / files.CHECKPOINT, trainer)
    points = [point for point in files.read_metrics(folder) if point.step <= trainer.step]
    if trainer.step == 0:
        points = []  # the first evaluation is done again
    trainer.evaluated_at = max((p.step for p in points if p.split != "train"), default=-1)
    yield Note(f"Going on from step {trainer.step:,} of {trainer.num_steps:,}.")
    with holding(folder):
        yield from train(folder, summary, trainer, prepared, cancel, points, watch)


def _read(
    recipe: Recipe, environment: Environment, cancel: CancelToken
) -> Generator[Event, None, ImageSet]:
    """Read the recipe's data set and say where the pixels of image files are kept."""
    options = read_options_for(recipe.data, environment)
    images = yield from read_images(recipe.data.name, environment.data_folder, cancel, options)
    if DATASETS[recipe.data.name].has_files:
        yield Note(f"{images.title}: {images.kept}.")
    return images


def _of_folder(recipe: Recipe, folder: Path) -> Recipe:
    """Return the recipe of a run with the files that the run has kept in place of those outside."""
    model = without_file_weights(recipe.model)
    if model.name == OWN:
        model = msgspec.structs.replace(model, file=str(folder / files.NETWORK))
    return msgspec.structs.replace(recipe, model=model)


def _recorded_folder(summary: Summary) -> Path | None:
    """Return where the images of a run were."""
    return Path(summary.data_folder) if summary.data_folder else None


def _refuse_other_images(summary: Summary, images: ImageSet, folder: Path) -> None:
    """Raise a `UserError` if a run was made of other images."""
    if summary.data_digest and summary.data_digest != images.digest:
        raise UserError(
            f"The images are not those that “{folder.name}” was trained on.",
            "Name the data folder that the run was made with.",
            field="data.name",
        )


def kept_or_refuse(scored: Scored, sparsity: float) -> int:
    """Return how many connections are kept; raises `UserError` if none would be."""
    num_kept = scored.num_kept_at(sparsity)
    if num_kept < 1:
        total = scored.layout.num_parameters
        raise UserError(
            f"At {sparsity:.6%} sparsity none of {total:,} connections is kept.",
            f"Choose at most {1 - 1 / total:.6%}, which keeps one.",
            field="pruning.sparsity",
        )
    return num_kept


def _drain(steps: Iterator[Event], on_event: Callable[[Event], None]) -> Summary:
    """Pass every event on and return the summary of the last."""
    summary: Summary | None = None
    for event in steps:
        on_event(event)
        if isinstance(event, RunDone):
            summary = event.summary
    assert summary is not None
    return summary


def _write_scored(
    folder: Path, bench: Workbench, scored: Scored, num_kept: int, environment: Environment
) -> Summary:
    """Write recipe, weights as scored, scored images and scores; return the summary so far."""
    _, inputs_KCHW, labels_K = bench.minibatch()
    batch = {"inputs": inputs_KCHW.cpu(), "labels": labels_K.cpu()}
    write_text(folder / files.RECIPE, encode_recipe(bench.recipe))
    if bench.recipe.model.name == OWN:
        copy_file(Path(bench.recipe.model.file), folder / files.NETWORK)
    copy_images(bench.recipe, bench.image_folders, folder / files.IMAGES)
    save_tensors(folder / files.INIT, bench.model.state_dict())
    save_tensors(folder / files.BATCH, batch)
    scores = split_flat(scored.ranking.score_M, scored.layout)
    save_tensors(folder / files.SCORES, {name: as_tensor(part) for name, part in scores.items()})
    images = bench.images
    return Summary(
        state="scored",
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        num_parameters=scored.layout.num_parameters,
        num_kept=num_kept,
        num_zero_scores=scored.layout.num_parameters - scored.ranking.num_nonzero,
        num_weights=sum(tensor.size for tensor in scored.layout.tensors if tensor.is_weight),
        batch_digest=_digest(batch),
        data_digest=images.digest,
        mean=images.mean_C,
        deviation=images.deviation_C,
        classes=images.classes,
        layers=tuple(
            LayerSummary(layer=row.layer, kept=row.kept, total=row.total)
            for row in scored.layer_rows(num_kept)
        ),
        score_seconds=scored.seconds,
        device=str(bench.device),
        num_threads=environment.num_threads,
        data_folder=str(environment.data_folder or ""),
        versions=versions(),
    )


def _draw_pruned(folder: Path, scored: Scored, num_kept: int) -> None:
    """Draw the input map and the sparsity of each layer."""
    title = f"{scored.model.title}, {1 - num_kept / scored.layout.num_parameters:.2%} removed"
    fractions = scored.input_fractions(num_kept)
    if not isinstance(fractions, str):
        save_input_map(folder / "input_map.png", fractions, title)
    save_layer_bars(folder / "layers.png", scored.layer_rows(num_kept), title)


def _finish(folder: Path, summary: Summary) -> RunDone:
    """Write the summary of a run that does not train."""
    write_summary(folder, summary)
    return RunDone(folder, summary)


def _digest(batch: Mapping[str, Tensor]) -> str:
    """Return a digest of the scored images as the network saw them, and their labels."""
    digest = hashlib.sha256()
    for tensor in batch.values():
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()
