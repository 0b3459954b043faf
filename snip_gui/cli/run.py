"""The commands ``run`` and ``sweep``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from snip_gui.cli.options import add_common, environment_from, recipe_from
from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.environment import default_runs_folder
from snip_gui.core.base.events import Note
from snip_gui.core.recipe.methods import METHODS
from snip_gui.core.recipe.sweeps import SPARSITIES, parse_seeds, parse_sparsities, sweep
from snip_gui.core.runs.extend import copy_extended, extended
from snip_gui.core.runs.folder import Summary, new_run_folder, read_recipe

if TYPE_CHECKING:
    import argparse

    from snip_gui.cli.terminal import EventPrinter


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
    source.add_argument("--resume", type=Path, metavar="RUN", help="take up the run in this folder")
    source.add_argument(
        "--extend",
        type=Path,
        metavar="RUN",
        help="train a copy of the finished run in this folder for --added-epochs more, at "
        "--added-rate or its last one",
    )
    run.add_argument("--out", type=Path, metavar="DIR", help="run folder to make (default: a new "
                     "one in the runs folder)")  # fmt: skip
    run.add_argument(
        "--stop-after",
        choices=("score", "prune", "train"),
        default="train",
        help="last stage to do (default: train)",
    )
    add_common(run)


def _run(options: argparse.Namespace, printer: EventPrinter) -> int:
    """Do ``snip-gui run``."""
    recipe = None if options.resume or options.extend else recipe_from(options)
    known = recipe or read_recipe(options.resume or options.extend)
    environment = environment_from(options, known)
    printer.note("Loading torch")
    from snip_gui.core.execution.resume import resume
    from snip_gui.core.execution.run import run

    cancel = CancelToken()
    with printer.stopping_on_signals(cancel):
        if recipe is None:
            folder = options.resume or _extend(options)
            summary = resume(folder, environment, printer.event, cancel)
        else:
            folder = options.out or new_run_folder(default_runs_folder(), recipe)
            summary = run(
                recipe, folder, environment, printer.event, cancel, stop_after=options.stop_after
            )
    printer.result(folder, summary)
    return 130 if _was_interrupted(summary, cancel) else 0


def _extend(options: argparse.Namespace) -> Path:
    """Make the copy that ``--extend`` asks for and return its folder."""
    rate = options.training_added_rate or 0.0
    recipe = extended(read_recipe(options.extend), options.training_added_epochs or 0, rate)
    folder: Path = options.out or new_run_folder(default_runs_folder(), recipe)
    copy_extended(options.extend, folder, recipe)
    return folder


def _was_interrupted(summary: Summary, cancel: CancelToken) -> bool:
    return cancel.is_cancelled and summary.state == "stopped"


def add_sweep(commands: Any) -> None:  # noqa: ANN401 - argparse does not export the type
    """Add ``snip-gui sweep``."""
    parser = commands.add_parser(
        "sweep",
        help="train a recipe at several sparsities and with several seeds",
        description="Train at several sparsities and with several seeds, one after another. The "
        "same command again goes on where it was stopped or killed.",
    )
    parser.add_argument("--sparsities", default=SPARSITIES, metavar="PERCENT",
                       help=f"in percent (default: {SPARSITIES})".replace("%", "%%"))  # fmt: skip
    parser.add_argument("--seeds", metavar="SEEDS", help="such as 0-2 (default: the recipe's)")
    parser.add_argument("--beside", nargs="*", choices=METHODS.names, default=(),
                       help="other methods to do the same with, as controls")  # fmt: skip
    parser.add_argument("--out", type=Path, metavar="DIR", default=default_runs_folder(),
                       help="folder of the run folders (default: the runs folder)")  # fmt: skip
    parser.add_argument("--recipe", type=Path, metavar="FILE", help="a recipe saved by the window")
    parser.set_defaults(command=_sweep)
    add_common(parser)


def _sweep(options: argparse.Namespace, printer: EventPrinter) -> int:
    """Do ``snip-gui sweep``."""
    recipe = recipe_from(options)
    seeds = parse_seeds(options.seeds) if options.seeds else (recipe.seed,)
    recipes = sweep(recipe, parse_sparsities(options.sparsities), seeds, options.beside)
    environment = environment_from(options, recipe)
    printer.note("Loading torch")
    from snip_gui.core.execution.sweep import sweep_steps

    cancel = CancelToken()
    with printer.stopping_on_signals(cancel):
        for event in sweep_steps(recipes, options.out, environment, cancel):
            if isinstance(event, Note) and event.is_result:
                printer.line(event.text)
            else:
                printer.event(event)
    return 130 if cancel.is_cancelled else 0
