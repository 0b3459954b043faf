"""The same recipes without a window: needs no display and imports no Qt.

Flags are made from the fields of the recipe, so that they, the forms and the errors share names.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from snip_gui import __version__
from snip_gui.cli_files import add_export, add_open
from snip_gui.core.cancel import CancelToken
from snip_gui.core.command_line import flag_fields, flag_line
from snip_gui.core.data.catalogue import DATASETS
from snip_gui.core.data.own_images import beside_recipe
from snip_gui.core.errors import Cancelled, UserError
from snip_gui.core.events import Note
from snip_gui.core.models.catalogue import MODELS
from snip_gui.core.models.networks import SUGGESTED, TORCHVISION
from snip_gui.core.models.own import OWN, pin_files
from snip_gui.core.presets import PRESETS, with_optimizer, with_preset
from snip_gui.core.recipe import METHODS, Recipe
from snip_gui.core.recipe_json import from_builtins, load_recipe, switch_method
from snip_gui.core.run_extend import copy_extended, extended
from snip_gui.core.run_folder import Summary, new_run_folder, read_recipe
from snip_gui.core.surroundings import (
    Surroundings,
    default_data_folder,
    default_image_folder,
    default_num_threads,
    default_runs_folder,
)
from snip_gui.core.sweeps import SPARSITIES, parse_seeds, parse_sparsities, sweep
from snip_gui.terminal import EventPrinter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from snip_gui.core.fields import Field

__all__ = ["flag_line", "main", "make_parser", "recipe_from"]


def main(arguments: Sequence[str]) -> int:
    """Run the command line and return the exit status: 0, 1 (an error), 2 (usage) or 130."""
    options = make_parser().parse_args(arguments)
    printer = EventPrinter(sys.stdout, sys.stderr, quiet=getattr(options, "quiet", False))
    try:
        return int(options.command(options, printer))
    except UserError as error:
        printer.error(error)
        return 1
    except Cancelled:
        return 130


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    parser = argparse.ArgumentParser(
        prog="snip-gui",
        description="Explore SNIP, single-shot network pruning. Without a command a window opens.",
    )
    parser.add_argument("--version", action="version", version=f"snip-gui {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_run(commands)
    _add_sweep(commands)
    _add_list(commands)
    add_export(commands)
    add_open(commands)
    _add_download(commands)
    return parser


def recipe_from(options: argparse.Namespace) -> Recipe:
    """Return the recipe that ``--recipe``, ``--preset`` and the flags describe, the last first.

    Raises
    ------
    UserError
        If the file or a value cannot be used.
    """
    recipe = load_recipe(options.recipe) if options.recipe else Recipe()
    if options.preset:  # it depends on the network, and flags override it
        recipe = with_preset(_overridden(recipe, options), options.preset)
    return pin_files(_overridden(recipe, options))


def _overridden(recipe: Recipe, options: argparse.Namespace) -> Recipe:
    """Return the recipe with the values that flags give."""
    if options.training_optimizer is not None:
        recipe = with_optimizer(recipe, options.training_optimizer)
    raw = msgspec.to_builtins(recipe)
    if options.method and options.method != raw["pruning"]["method"]:
        raw["pruning"] = switch_method(raw["pruning"], options.method)
    given = {f.path: getattr(options, f.object_name) for f in flag_fields()}
    draws = any(given[f"minibatch.{part}"] is not None for part in ("classes", "size", "seed"))
    if draws and raw["minibatch"]["kind"] == "picked":
        raw["minibatch"] = {"kind": "draw"}
    for path, value in given.items():
        if value is not None:
            part, _, name = path.rpartition(".")
            (raw[part] if part else raw)[name] = value
    if given["model.file"] is not None:
        raw["model"] |= {"name": given["model.name"] or OWN, "file_digest": ""}
    if given["model.weights"] is not None:
        raw["model"]["weights_digest"] = ""
    return from_builtins(raw)


def image_folders(recipe_file: Path | None) -> tuple[Path, ...]:
    """Return where a recipe's own images may be: beside its file, or with all others."""
    beside = () if recipe_file is None else (beside_recipe(recipe_file),)
    return (*beside, default_image_folder())


def trusted_code(options: argparse.Namespace, recipe: Recipe) -> frozenset[str]:
    """Return the digest of the recipe's network file if the user has agreed to run it.

    Naming the file on the command line is agreeing; that a recipe or a run names one is not.
    """
    agreed = options.model_file is not None or options.trust_code
    return frozenset({recipe.model.file_digest}) if agreed else frozenset()


def _add_run(commands: Any) -> None:  # noqa: ANN401 - argparse does not export the type
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


def add_common(parser: Any) -> None:  # noqa: ANN401 - argparse does not export the type
    """Add what all commands share that work recipes out: where, and the recipe itself."""
    surroundings = parser.add_argument_group("where it runs")
    surroundings.add_argument(
        "--device", default="auto", help="auto, cpu or cuda:N (default: auto)"
    )
    surroundings.add_argument(
        "--threads",
        type=int,
        default=default_num_threads(),
        help="threads on the CPU (default: one less than the processors)",
    )
    surroundings.add_argument(
        "--data-dir",
        type=Path,
        metavar="DIR",
        help="the folder that contains MNIST/, or the file of arrays",
    )
    surroundings.add_argument(
        "--trust-code",
        action="store_true",
        help="run the Python file of the network that the recipe or the run names",
    )
    surroundings.add_argument(
        "--image-memory",
        type=float,
        metavar="GB",
        help="what a folder of images may take in memory; one that needs more is streamed from "
        "disk (default: half of what is free)",
    )
    surroundings.add_argument("--quiet", action="store_true", help="print the result only")
    recipe = parser.add_argument_group(
        "recipe (a flag overrides --preset, which overrides --recipe)"
    )
    recipe.add_argument(
        "--preset",
        choices=PRESETS.names,
        help="settings that go together for the network. "
        + " ".join(f"{preset.name}: {preset.text}" for preset in PRESETS).replace("%", "%%"),
    )
    recipe.add_argument(
        "--method", choices=tuple(METHODS), help="how connections are ranked. Default: snip."
    )
    for field in flag_fields():
        _add_flag(recipe, field)


def _add_flag(group: Any, field: Field) -> None:  # noqa: ANN401 - argparse does not export the type
    """Add the flag of one field; it has no default of its own, so that a recipe file keeps its."""
    types: dict[str, type] = {"int": int, "ints": int, "float": float, "floats": float}
    keywords: dict[str, Any] = {"type": types.get(field.kind, str), "dest": field.object_name}
    if field.kind in ("ints", "floats", "texts"):
        keywords["nargs"] = "*"
    if field.choices:
        keywords["choices"] = [value for value, _ in field.choices]
    default = _default_of(field.path)
    text = field.help + (f" Default: {default}." if default not in ("", None, False) else "")
    if field.kind == "bool":
        group.add_argument(
            f"--{field.flag}",
            action=argparse.BooleanOptionalAction,
            default=None,
            dest=field.object_name,
            help=text.replace("%", "%%"),
        )
        return
    group.add_argument(
        f"--{field.flag}",
        default=None,
        metavar=None if field.choices else field.flag.rpartition("-")[2].upper(),
        help=text.replace("%", "%%"),
        **keywords,
    )


def _default_of(path: str) -> Any:  # noqa: ANN401 - any field
    """Return the default of a field as text for the help."""
    value = msgspec.to_builtins(Recipe())
    for name in path.split("."):
        value = value[name]
    return " ".join(map(str, value)) if isinstance(value, tuple) else value


def _run(options: argparse.Namespace, printer: EventPrinter) -> int:
    """Do ``snip-gui run``."""
    recipe = None if options.resume or options.extend else recipe_from(options)
    known = recipe or read_recipe(options.resume or options.extend)
    surroundings = surroundings_from(options, known)
    printer.note("Loading torch")
    from snip_gui.core.run import resume, run

    cancel = CancelToken()
    with printer.stopping_on_interrupt(cancel):
        if recipe is None:
            folder = options.resume or _extend(options)
            summary = resume(folder, surroundings, printer.event, cancel)
        else:
            folder = options.out or new_run_folder(default_runs_folder(), recipe)
            summary = run(
                recipe, folder, surroundings, printer.event, cancel, stop_after=options.stop_after
            )
    printer.result(folder, summary)
    return 130 if _was_interrupted(summary, cancel) else 0


def surroundings_from(options: argparse.Namespace, recipe: Recipe) -> Surroundings:
    """Return where a recipe is to be worked out; raises `UserError` for numbers that cannot be."""
    if options.threads < 1:
        raise UserError("--threads must be at least 1.", "Leave it out for a good default.")
    if options.image_memory is not None and not options.image_memory >= 0:
        raise UserError("--image-memory must not be negative.", "0 streams every folder.")
    return Surroundings(
        device=options.device,
        num_threads=options.threads,
        data_folder=options.data_dir,
        image_folders=image_folders(options.recipe),
        trusted_code=trusted_code(options, recipe),
        image_memory_bytes=(
            None if options.image_memory is None else int(options.image_memory * 1e9)
        ),
    )


def _extend(options: argparse.Namespace) -> Path:
    """Make the copy that ``--extend`` asks for and return its folder."""
    rate = options.training_added_rate or 0.0
    recipe = extended(read_recipe(options.extend), options.training_added_epochs or 0, rate)
    folder: Path = options.out or new_run_folder(default_runs_folder(), recipe)
    copy_extended(options.extend, folder, recipe)
    return folder


def _was_interrupted(summary: Summary, cancel: CancelToken) -> bool:
    return cancel.is_cancelled and summary.state == "stopped"


def _add_sweep(commands: Any) -> None:  # noqa: ANN401 - argparse does not export the type
    parser = commands.add_parser(
        "sweep",
        help="train a recipe at several sparsities and with several seeds",
        description="Train at several sparsities and with several seeds, one after another. The "
        "same command again goes on where it was stopped or killed.",
    )
    parser.add_argument("--sparsities", default=SPARSITIES, metavar="PERCENT",
                       help=f"in percent (default: {SPARSITIES})".replace("%", "%%"))  # fmt: skip
    parser.add_argument("--seeds", metavar="SEEDS", help="such as 0-2 (default: the recipe's)")
    parser.add_argument("--beside", nargs="*", choices=tuple(METHODS), default=(),
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
    surroundings = surroundings_from(options, recipe)
    printer.note("Loading torch")
    from snip_gui.core.run_sweep import sweep_steps

    cancel = CancelToken()
    with printer.stopping_on_interrupt(cancel):
        for event in sweep_steps(recipes, options.out, surroundings, cancel):
            if isinstance(event, Note) and event.is_result:
                printer.line(event.text)
            else:
                printer.event(event)
    return 130 if cancel.is_cancelled else 0


def _add_list(commands: Any) -> None:  # noqa: ANN401 - argparse does not export the type
    listing = commands.add_parser("list", help="say which networks or data sets there are")
    listing.add_argument("what", choices=("models", "datasets"))
    listing.add_argument(
        "--all", action="store_true", help="also all classification networks of torchvision"
    )
    listing.set_defaults(command=_list)


def _list(options: argparse.Namespace, printer: EventPrinter) -> int:
    """Do ``snip-gui list``."""
    if options.what == "models":
        width = max(map(len, MODELS.names))
        for model in MODELS:
            printer.line(f"{model.name:{width}}  {model.num_parameters:>11,}  {model.description}")
        for name in _torchvision_names(everything=options.all):
            printer.line(f"{TORCHVISION}{name}  {SUGGESTED.get(name, '')}".rstrip())
    else:
        width = max(map(len, DATASETS.names))
        for dataset in DATASETS:
            printer.line(f"{dataset.name:{width}}  {dataset.description}")
    return 0


def _torchvision_names(*, everything: bool) -> tuple[str, ...]:
    """Return torchvision's names of the networks offered first, or of all it has."""
    if not everything:
        return tuple(SUGGESTED)
    from snip_gui.core.models.torchvision_models import names

    return names()


def _add_download(commands: Any) -> None:  # noqa: ANN401 - argparse does not export the type
    download = commands.add_parser(
        "download",
        help="get a data set from its source",
        description="Get a data set from its source; what is there already is not fetched again.",
    )
    names = [dataset.name for dataset in DATASETS if dataset.download is not None]
    download.add_argument("name", choices=names, metavar="NAME", help=", ".join(names))
    folder = default_data_folder()
    download.add_argument(
        "--data-dir", type=Path, metavar="DIR", default=folder, help=f"default: {folder}"
    )
    download.add_argument("--quiet", action="store_true", help="print the folder only")
    download.set_defaults(command=_download)


def _download(options: argparse.Namespace, printer: EventPrinter) -> int:
    """Do ``snip-gui download``."""
    from snip_gui.core.data.download import download_job

    dataset = DATASETS[options.name]
    download = dataset.download
    assert download is not None
    printer.note(f"{dataset.title}: {download.size_text} from {', '.join(download.hosts)}")
    printer.note(f"{download.page}\n{download.terms}")
    cancel = CancelToken()
    with printer.stopping_on_interrupt(cancel):
        for event in download_job(dataset, options.data_dir, cancel):
            printer.event(event)
    printer.line(str(options.data_dir))
    return 0
