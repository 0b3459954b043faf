"""The commands ``run`` and ``sweep``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from snip_gui.cli.options import (
    add_common,
    add_executor,
    environment_from,
    given_flags,
    recipe_from,
)
from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.environment import default_runs_folder
from snip_gui.core.base.errors import UserError
from snip_gui.core.base.events import Note
from snip_gui.core.base.machine.optional_packages import import_torch
from snip_gui.core.engine.crew import parse_crew
from snip_gui.core.engine.desk import stop_item
from snip_gui.core.recipe.methods import METHODS
from snip_gui.core.recipe.sweeps import SPARSITIES, parse_seeds, parse_sparsities, sweep
from snip_gui.core.runs.extend import extended
from snip_gui.core.runs.folder import read_recipe
from snip_gui.core.runs.placing import find_folders, run_name

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from snip_gui.cli.terminal import EventPrinter
    from snip_gui.core.base.environment import Environment
    from snip_gui.core.base.events import Event
    from snip_gui.core.execution.stages import StopAfter
    from snip_gui.core.recipe.recipe import Recipe
    from snip_gui.core.runs.folder import Summary


def add_run(commands: Any) -> None:  # noqa: ANN401 - argparse does not export the type
    """Add ``snip-gui run``."""
    run = commands.add_parser(
        "run",
        help="score, prune and train a recipe without a window",
        description="Score, prune and train; every argument has a default.",
    )
    run.set_defaults(command=_run)
    source = run.add_mutually_exclusive_group()
    source.add_argument("--recipe", type=Path, metavar="FILE", help="a recipe saved by the window")
    source.add_argument("--resume", type=Path, metavar="RUN", help="resume the run in this folder")
    source.add_argument(
        "--extend",
        type=Path,
        metavar="RUN",
        help="train a copy of the finished run in this folder for --added-epochs extra epochs, "
        "at --added-rate or its last learning rate",
    )
    run.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="run folder to make (default: one in the runs folder that is named by the recipe; the "
        "same command again resumes it)",
    )
    run.add_argument(
        "--again",
        action="store_true",
        help="make a new run although this recipe was run before",
    )
    run.add_argument(
        "--accept-edits",
        action="store_true",
        help="resume with a recipe that was edited after the run had begun",
    )
    run.add_argument(
        "--stop-after",
        choices=("score", "prune", "train"),
        help="last stage to run (default: train)",
    )
    add_common(run)


def _run(options: argparse.Namespace, printer: EventPrinter) -> int:
    """Run ``snip-gui run``."""
    refuse_mixed(options)
    recipe = None if options.resume or options.extend else recipe_from(options)
    known = recipe or read_recipe(options.resume or options.extend)
    environment = environment_from(options, known)
    printer.note("Loading torch")
    import_torch()
    from snip_gui.core.execution.stages import drain

    cancel = CancelToken()
    with printer.stopping_on_signals(cancel):
        done = drain(_steps(options, recipe, environment, cancel), printer.event)
    printer.result(done.folder, done.summary)
    if done.summary.state == "diverged":
        return 1
    return 130 if _was_interrupted(done.summary, cancel) else 0


def _steps(
    options: argparse.Namespace,
    recipe: Recipe | None,
    environment: Environment,
    cancel: CancelToken,
) -> Iterator[Event]:
    """Return the job that the options describe."""
    from snip_gui.core.execution.complete import complete_steps
    from snip_gui.core.execution.resume import extend_new_steps, extend_steps, resume_steps
    from snip_gui.core.execution.run import run_new_steps, run_steps

    if options.resume:
        edits = options.accept_edits
        return resume_steps(options.resume, environment, cancel, accept_edits=edits)
    runs_folder = default_runs_folder()
    if recipe is None:
        rate = options.training_added_rate or 0.0
        longer = extended(read_recipe(options.extend), options.training_added_epochs or 0, rate)
        target = options.out or runs_folder / run_name(longer)
        if options.again:
            return extend_new_steps(options.extend, runs_folder, longer, environment, cancel)
        return extend_steps(options.extend, target, longer, environment, cancel)
    last: StopAfter = options.stop_after or "train"
    if options.out:
        return run_steps(recipe, options.out, environment, cancel, stop_after=last)
    if options.again:
        return run_new_steps(recipe, runs_folder, environment, cancel, stop_after=last)
    (folder,) = find_folders(runs_folder, [recipe])
    return complete_steps(recipe, folder, environment, cancel, stop_after=last)


def refuse_mixed(options: argparse.Namespace) -> None:
    """Raise `UserError` for options that cannot be combined.

    Above all recipe flags with ``--resume`` or ``--extend``: a run has its own recipe.
    """
    source = "--resume" if options.resume else "--extend" if options.extend else ""
    flags = given_flags(options)
    if options.extend:
        flags = [flag for flag in flags if flag not in ("--added-epochs", "--added-rate")]
    if options.stop_after:
        flags.append("--stop-after")
    if options.resume:
        flags += ["--out"] if options.out else []
        flags += ["--again"] if options.again else []
    if source and flags:
        raise UserError(
            f"{flags[0]} cannot be used with {source}: a run keeps the recipe it began with.",
            "Leave it out, or start a new run.",
        )
    if options.out and options.again:
        raise UserError("--again cannot be used with --out.", "Name another folder with --out.")
    if options.accept_edits and not options.resume:
        raise UserError("--accept-edits is for --resume only.", "Leave it out.")


def _was_interrupted(summary: Summary, cancel: CancelToken) -> bool:
    return cancel.is_cancelled and summary.state == "stopped"


def add_sweep(commands: Any) -> None:  # noqa: ANN401 - argparse does not export the type
    """Add ``snip-gui sweep``."""
    parser = commands.add_parser(
        "sweep",
        help="train a recipe at several sparsities and with several seeds",
        description="Train at several sparsities and with several seeds, on all processors. A run "
        "that fails does not stop the others. The same command again continues where this one was "
        "stopped or killed.",
    )
    parser.add_argument("--sparsities", default=SPARSITIES, metavar="PERCENT",
                       help=f"in percent (default: {SPARSITIES})".replace("%", "%%"))  # fmt: skip
    parser.add_argument("--seeds", metavar="SEEDS", help="such as 0-2 (default: the recipe's)")
    parser.add_argument("--beside", nargs="*", choices=METHODS.names, default=(),
                       help="other methods to train with as well, as controls")  # fmt: skip
    parser.add_argument("--out", type=Path, metavar="DIR", default=default_runs_folder(),
                       help="folder for the run folders (default: the runs folder)")  # fmt: skip
    parser.add_argument("--recipe", type=Path, metavar="FILE", help="a recipe saved by the window")
    parser.set_defaults(command=_sweep)
    add_executor(parser)
    add_common(parser, num_threads=1)


def _sweep(options: argparse.Namespace, printer: EventPrinter) -> int:
    """Run ``snip-gui sweep``."""
    recipe = recipe_from(options)
    seeds = parse_seeds(options.seeds) if options.seeds else (recipe.seed,)
    recipes = sweep(recipe, parse_sparsities(options.sparsities), seeds, options.beside)
    environment = environment_from(options, recipe)
    crew = parse_crew(options.executor)
    from snip_gui.core.engine.sweep import sweep_steps

    cancel = CancelToken()
    with printer.stopping_on_signals(cancel):
        for event in sweep_steps(recipes, options.out, environment, crew, cancel):
            if isinstance(event, Note) and event.is_result:
                printer.line(event.text)
            else:
                printer.event(event)
    return 130 if cancel.is_cancelled else 0


def add_stop(commands: Any) -> None:  # noqa: ANN401 - argparse does not export the type
    """Add ``snip-gui stop``."""
    parser = commands.add_parser(
        "stop",
        help="stop one of the runs that a sweep, a study or a window is training",
        description="Stop one of the runs that a sweep, a study or a window is training. It keeps "
        "its progress, and the others continue.",
    )
    parser.add_argument("name", metavar="RUN", help="name of the run, or its folder")
    parser.add_argument("--runs", type=Path, metavar="DIR", default=default_runs_folder(),
                       help="the folder of the runs (default: the runs folder)")  # fmt: skip
    parser.set_defaults(command=_stop)


def _stop(options: argparse.Namespace, printer: EventPrinter) -> int:
    """Run ``snip-gui stop``."""
    name = Path(options.name).name
    if not (stop_item(options.runs, options.name) or stop_item(options.runs, name)):
        raise UserError(
            f"“{name}” is not one of several runs that are being trained.",
            "Ctrl-C stops a run that is trained alone.",
        )
    printer.line(f"{name} stops and keeps its progress.")
    return 0


def add_queue(commands: Any) -> None:  # noqa: ANN401 - argparse does not export the type
    """Add ``snip-gui queue``, which the window starts."""
    parser = commands.add_parser(
        "queue", help="train a queue of runs that the window left in its runs folder"
    )
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--quiet", action="store_true", help="print errors only")
    parser.set_defaults(command=_queue)


def _queue(options: argparse.Namespace, printer: EventPrinter) -> int:
    """Run ``snip-gui queue``."""
    from snip_gui.core.engine.queues import queue_steps

    cancel = CancelToken()
    with printer.stopping_on_signals(cancel):
        for event in queue_steps(options.folder, cancel):
            printer.event(event)
    return 130 if cancel.is_cancelled else 0
