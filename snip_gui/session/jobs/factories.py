"""The jobs of the window, as factories that import what is heavy in the worker's thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.base.environment import Environment
    from snip_gui.core.base.events import Event
    from snip_gui.core.comparing.tile_grid import GridSpec
    from snip_gui.core.data.images.image_set import ImageSet
    from snip_gui.core.data.images.store import ImageStore
    from snip_gui.core.data.sets.read_options import ReadOptions
    from snip_gui.core.execution.mistakes import Measured
    from snip_gui.core.execution.stages import StopAfter
    from snip_gui.core.pruning.scored import Scored
    from snip_gui.core.recipe.recipe import ModelChoice, Recipe
    from snip_gui.core.runs.edits import RunNotes
    from snip_gui.core.runs.listing import RunEntry
    from snip_gui.core.training.watching import WeightWatch
    from snip_gui.core.views.large_canvas import LargeCanvas, Look
    from snip_gui.session.jobs.host import JobFactory


def devices_job() -> JobFactory:
    """Load torch and say which devices there are."""

    def job(_cancel: CancelToken) -> Iterator[Event]:
        from snip_gui.core.base.devices import find_devices

        yield from find_devices()

    return job


def load_job(name: str, folder: Path | None, options: ReadOptions) -> JobFactory:
    """Read a data set."""

    def job(cancel: CancelToken) -> Iterator[Event]:
        from snip_gui.core.data.sets.loading import load_job

        yield from load_job(name, folder, cancel, options)

    return job


def thumbnails_job(paths: tuple[str, ...], side: int) -> JobFactory:
    """Decode files small."""

    def job(cancel: CancelToken) -> Iterator[Event]:
        from snip_gui.core.data.images.thumbnails import decode_thumbnails

        yield from decode_thumbnails(paths, side, cancel)

    return job


def mean_job(store: ImageStore, indices_K: NDArray[np.int64]) -> JobFactory:
    """Work out the mean of images."""

    def job(cancel: CancelToken) -> Iterator[Event]:
        from snip_gui.core.data.images.thumbnails import make_mean

        yield from make_mean(store, indices_K, cancel)

    return job


def paths_job(scored: Scored, num_kept: int) -> JobFactory:
    """Follow the kept connections of a large network."""

    def job(_cancel: CancelToken) -> Iterator[Event]:
        from snip_gui.core.pruning.events import PathsFollowed

        yield PathsFollowed(scored, num_kept, *scored.followed(num_kept))

    return job


def level_job(canvas: LargeCanvas, look: Look, num_kept: int) -> JobFactory:
    """Gather what the blocks of a large layer hold, and its pictures from afar."""

    def job(cancel: CancelToken) -> Iterator[Event]:
        from snip_gui.core.views.large_canvas import make_level

        yield from make_level(canvas, look, num_kept, cancel)

    return job


def fit_job(pictures: Sequence[Path | bytes], images: ImageSet) -> JobFactory:
    """Fit pictures of the user's own to a data set."""

    def job(cancel: CancelToken) -> Iterator[Event]:
        from snip_gui.core.data.minibatch.own_pictures import fit_pictures

        yield from fit_pictures(pictures, images, cancel)

    return job


def download_job(name: str, folder: Path) -> JobFactory:
    """Fetch a data set."""

    def job(cancel: CancelToken) -> Iterator[Event]:
        from snip_gui.core.data.download.fetch import download_job
        from snip_gui.core.data.sets.catalogue import DATASETS

        yield from download_job(DATASETS[name], folder, cancel)

    return job


def measure_job(
    choice: ModelChoice,
    image_shape: tuple[int, int, int],
    num_classes: int,
    environment: Environment,
) -> JobFactory:
    """Measure the chosen network."""

    def job(cancel: CancelToken) -> Iterator[Event]:
        from snip_gui.core.models.measuring import measure_network

        yield from measure_network(choice, image_shape, num_classes, environment, cancel)

    return job


def networks_job() -> JobFactory:
    """Ask torchvision for its networks."""

    def job(_cancel: CancelToken) -> Iterator[Event]:
        from snip_gui.core.models.measuring import list_networks

        yield from list_networks()

    return job


def weights_job(path: Path) -> JobFactory:
    """Read a file of weights, to see whether it is one."""

    def job(_cancel: CancelToken) -> Iterator[Event]:
        from snip_gui.core.models.measuring import check_weights

        yield from check_weights(path)

    return job


def score_job(recipe: Recipe, environment: Environment, images: ImageSet) -> JobFactory:
    """Score the recipe's minibatch."""

    def job(cancel: CancelToken) -> Iterator[Event]:
        from snip_gui.core.pruning.scoring import score

        yield from score(recipe, environment, images, cancel)

    return job


def grid_job(spec: GridSpec, number: int, environment: Environment, images: ImageSet) -> JobFactory:
    """Score one variant of a grid."""

    def job(cancel: CancelToken) -> Iterator[Event]:
        from snip_gui.core.comparing.jobs import grid_column

        yield from grid_column(spec, number, environment, images, cancel)

    return job


def stability_job(
    recipes: Sequence[Recipe], environment: Environment, images: ImageSet
) -> JobFactory:
    """Score several recipes of one network and count what they keep."""

    def job(cancel: CancelToken) -> Iterator[Event]:
        from snip_gui.core.comparing.jobs import measure_stability

        yield from measure_stability(recipes, environment, images, cancel)

    return job


def run_job(
    recipe: Recipe,
    folder: Path,
    environment: Environment,
    images: ImageSet | None,
    stop_after: StopAfter,
    watch: WeightWatch,
) -> JobFactory:
    """Work a recipe out into a new run folder."""

    def job(cancel: CancelToken) -> Iterator[Event]:
        from snip_gui.core.execution.run import run_steps

        yield from run_steps(
            recipe,
            folder,
            environment,
            cancel,
            images=images,
            stop_after=stop_after,
            watch=watch,
        )

    return job


def resume_job(
    folder: Path, environment: Environment, images: ImageSet | None, watch: WeightWatch
) -> JobFactory:
    """Take up a stopped run."""

    def job(cancel: CancelToken) -> Iterator[Event]:
        from snip_gui.core.execution.resume import resume_steps

        yield from resume_steps(folder, environment, cancel, images=images, watch=watch)

    return job


def extend_job(
    folder: Path,
    target: Path,
    recipe: Recipe,
    environment: Environment,
    images: ImageSet | None,
    watch: WeightWatch,
) -> JobFactory:
    """Train a copy of a finished run for more epochs."""

    def job(cancel: CancelToken) -> Iterator[Event]:
        from snip_gui.core.execution.resume import resume_steps
        from snip_gui.core.runs.extend import copy_extended

        copy_extended(folder, target, recipe)
        yield from resume_steps(target, environment, cancel, images=images, watch=watch)

    return job


def export_job(
    folder: Path,
    wanted: Sequence[tuple[str, Path]],
    environment: Environment,
    images: ImageSet | None,
) -> JobFactory:
    """Write the pruned network of a run in several formats."""

    def job(cancel: CancelToken) -> Iterator[Event]:
        from snip_gui.core.export.export import export_all

        yield from export_all(folder, wanted, cancel, environment, images)

    return job


def measure_export_job(folder: Path, environment: Environment) -> JobFactory:
    """Measure what exports of a run would be."""

    def job(cancel: CancelToken) -> Iterator[Event]:
        from snip_gui.core.export.measuring import measure_run

        yield from measure_run(folder, environment, cancel)

    return job


def inspect_job(
    path: Path, recipe: Recipe, images: ImageSet | None, environment: Environment
) -> JobFactory:
    """Read a checkpoint and see which network it is of."""

    def job(cancel: CancelToken) -> Iterator[Event]:
        from snip_gui.core.models.recognising import Images, inspect

        of = None if images is None else Images(images.image_shape, len(images.classes))
        yield from inspect(path, recipe, of, environment, cancel)

    return job


def mistakes_job(
    folder: Path, split: Measured, environment: Environment, images: ImageSet | None
) -> JobFactory:
    """Find what a run takes for a wrong class."""

    def job(cancel: CancelToken) -> Iterator[Event]:
        from snip_gui.core.execution.mistakes import find_mistakes

        yield from find_mistakes(folder, split, environment, images, cancel)

    return job


def list_runs_job(runs_folder: Path, known: Sequence[RunEntry]) -> JobFactory:
    """List the runs of a folder."""

    def job(cancel: CancelToken) -> Iterator[Event]:
        from snip_gui.core.runs.jobs import list_job

        yield from list_job(runs_folder, known, cancel)

    return job


def curves_job(folders: Sequence[Path]) -> JobFactory:
    """Read the curves of runs."""

    def job(cancel: CancelToken) -> Iterator[Event]:
        from snip_gui.core.runs.jobs import curves_job

        yield from curves_job(folders, cancel)

    return job


def note_job(folder: Path, notes: RunNotes) -> JobFactory:
    """Keep star and note of a run."""

    def job(_cancel: CancelToken) -> Iterator[Event]:
        from snip_gui.core.runs.jobs import note_job

        yield from note_job(folder, notes)

    return job


def rename_job(folder: Path, name: str) -> JobFactory:
    """Rename a run."""

    def job(_cancel: CancelToken) -> Iterator[Event]:
        from snip_gui.core.runs.jobs import rename_job

        yield from rename_job(folder, name)

    return job


def bin_job(folders: Sequence[Path]) -> JobFactory:
    """Put runs into the bin."""

    def job(_cancel: CancelToken) -> Iterator[Event]:
        from snip_gui.core.runs.jobs import bin_job

        yield from bin_job(folders)

    return job


def restore_job(moves: Sequence[tuple[Path, Path]]) -> JobFactory:
    """Take runs out of the bin."""

    def job(_cancel: CancelToken) -> Iterator[Event]:
        from snip_gui.core.runs.jobs import restore_job

        yield from restore_job(moves)

    return job
