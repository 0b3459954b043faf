"""The stages of a run: read the images, score, prune, train."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

from snip_gui.core.base.events import Event, Note
from snip_gui.core.base.network_state import stored_state
from snip_gui.core.base.tensors import as_tensor, save_tensors
from snip_gui.core.data.sets.catalogue import DATASETS
from snip_gui.core.data.sets.loading import read_images, read_options_for
from snip_gui.core.execution.book import write_summary
from snip_gui.core.execution.result_files import draw_pruned, write_scored
from snip_gui.core.execution.training import make_trainer, prepare_steps, train
from snip_gui.core.methods.isometry import make_isometric
from snip_gui.core.methods.scoring import describe_scoring, prune
from snip_gui.core.pruning.edits.edited import refuse_conflict
from snip_gui.core.pruning.mask_source import nothing_kept_error
from snip_gui.core.pruning.workbench import Workbench, build_steps
from snip_gui.core.recipe.methods import find_method
from snip_gui.core.runs import folder as files
from snip_gui.core.runs.events import RunDone

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path

    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.base.environment import Environment
    from snip_gui.core.data.images.image_set import ImageSet
    from snip_gui.core.pruning.scored import Scored
    from snip_gui.core.recipe.recipe import Recipe
    from snip_gui.core.runs.folder import Summary
    from snip_gui.core.training.watching import WeightWatch

StopAfter: TypeAlias = Literal["score", "prune", "train"]


def read_recipe_images(
    recipe: Recipe, environment: Environment, cancel: CancelToken
) -> Generator[Event, None, ImageSet]:
    """Read the recipe's data set and report where the pixels are kept."""
    options = read_options_for(recipe.data, environment)
    images = yield from read_images(recipe.data.name, environment.data_folder, cancel, options)
    if DATASETS[recipe.data.name].has_files:
        yield Note(f"{images.title}: {images.kept}.")
    return images


def execute(
    recipe: Recipe,
    folder: Path,
    environment: Environment,
    cancel: CancelToken,
    images: ImageSet | None,
    stop_after: StopAfter,
    watch: WeightWatch | None,
) -> Generator[Event, None, None]:
    """Execute all stages up to `stop_after` in a folder that is held.

    Files of a failed attempt are overwritten. Parameters and errors are those of
    `snip_gui.core.execution.run.run_steps`.
    """
    if images is None:
        images = yield from read_recipe_images(recipe, environment, cancel)
    bench = yield from build_steps(recipe, environment, images, cancel)
    scored = yield from prune(bench, cancel)
    num_kept = _num_kept_first(scored)
    yield Note(describe_scoring(scored))
    summary = write_scored(folder, bench, scored, num_kept, environment)
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
    """Execute the stages after scoring."""
    num_kept = summary.num_kept
    if stop_after == "score":
        yield _finish(folder, summary)
        return
    masks = scored.masks.mask_at(num_kept)
    is_changed = _change_weights(bench, scored, num_kept)
    save_tensors(folder / files.MASKS, {k: as_tensor(v.astype("uint8")) for k, v in masks.items()})
    draw_pruned(folder, scored, num_kept)
    trainer = make_trainer(bench, masks)
    if is_changed:
        # Before training, so that a run stopped here is exported and resumed with these weights.
        save_tensors(folder / files.START, stored_state(bench.model))
    summary = msgspec.structs.replace(summary, state="pruned")
    if stop_after == "prune":
        yield _finish(folder, summary)
        return
    prepared = yield from prepare_steps(trainer)
    yield from train(folder, summary, bench, trainer, prepared, cancel, [], watch)


def _num_kept_first(scored: Scored) -> int:
    """Return how many connections training starts with; raises as `kept_or_refuse` does."""
    num_kept = kept_or_refuse(scored, scored.recipe.pruning.sparsity)
    if find_method(scored.recipe.pruning).masks_for == "training":
        return scored.masks.nearest(scored.layout.num_parameters)
    return num_kept


def _change_weights(bench: Workbench, scored: Scored, num_kept: int) -> bool:
    """Set the weights that training starts from, unless these are the scored ones.

    Reinitialisation and isometry override any weights found by the method. Returns whether weights
    were set.
    """
    if bench.recipe.pruning.after == "redraw":
        bench.reinitialise()
        return True
    if bench.recipe.pruning.after == "isometric":
        make_isometric(bench.prunable, scored.masks.mask_at(num_kept))
        return True
    if scored.weights_at is None:
        return False
    weights = {name: as_tensor(values) for name, values in scored.weights_at(num_kept).items()}
    unexpected = bench.model.load_state_dict(weights, strict=False).unexpected_keys
    if unexpected:
        raise ValueError(f"the network has no “{unexpected[0]}” to give a weight to")
    return True


def kept_or_refuse(scored: Scored, sparsity: float) -> int:
    """Return the number of kept connections.

    Raises
    ------
    UserError
        If there are none, or edits by hand do not hold with that number.
    """
    refuse_conflict(scored, sparsity)
    num_kept = scored.num_kept_at(sparsity)
    if num_kept < 1:
        raise nothing_kept_error(sparsity, scored.layout.num_parameters)
    return num_kept


def drain(steps: Iterator[Event], on_event: Callable[[Event], None]) -> RunDone:
    """Pass on every event of a run and return the last `RunDone`."""
    done: RunDone | None = None
    for event in steps:
        on_event(event)
        if isinstance(event, RunDone):
            done = event
    assert done is not None
    return done


def _finish(folder: Path, summary: Summary) -> RunDone:
    """Write the summary of a run that does not train."""
    write_summary(folder, summary)
    return RunDone(folder, summary)
