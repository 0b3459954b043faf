"""Command-line flags and the recipe that they describe."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from snip_gui.core.base.environment import Environment, default_image_folder, default_num_threads
from snip_gui.core.base.errors import UserError
from snip_gui.core.data.minibatch.own_images import beside_recipe
from snip_gui.core.models.networks import find_network
from snip_gui.core.models.own.source import OWN, pin_files
from snip_gui.core.recipe.edits import parse_edit
from snip_gui.core.recipe.fields import METHOD
from snip_gui.core.recipe.fields import field as find_field
from snip_gui.core.recipe.flags import flag_fields
from snip_gui.core.recipe.json import from_builtins, load_recipe, switch_method
from snip_gui.core.recipe.methods import METHODS
from snip_gui.core.recipe.presets import PRESETS, with_optimizer, with_preset
from snip_gui.core.recipe.recipe import Recipe, parse_class

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from snip_gui.core.recipe.field import Field
    from snip_gui.core.recipe.recipe import ClassChoice


# The same bounds as in the window's preferences.
_MOST_THREADS, _MOST_GB = 1024, 1_000_000


def recipe_from(options: argparse.Namespace) -> Recipe:
    """Return the recipe of ``--recipe``, ``--preset`` and the flags; later ones take precedence.

    Raises
    ------
    UserError
        If the file or a value cannot be used.
    """
    recipe = load_recipe(options.recipe) if options.recipe else Recipe()
    if options.preset:  # depends on the network; flags override it
        recipe = _overridden(recipe, options)
        num_channels = find_network(recipe.model).num_channels
        recipe = with_preset(recipe, options.preset, num_channels=num_channels)
    return pin_files(_overridden(recipe, options))


def given_flags(options: argparse.Namespace) -> list[str]:
    """Return the flags on the command line that are part of a recipe."""
    given = [f"--{name}" for name in ("preset", "method") if getattr(options, name)]
    given += ["--edit"] if options.pruning_edits else []
    return given + [
        f"--{field.flag}"
        for field in flag_fields()
        if getattr(options, field.object_name) is not None
    ]


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
            if part == "pruning":
                _refuse_unknown_setting(raw[part]["method"], name)
            (raw[part] if part else raw)[name] = value
    if options.pruning_edits is not None:
        edits = [parse_edit(text) for text in options.pruning_edits]
        raw["pruning"]["edits"] = msgspec.to_builtins(edits)
    if given["model.file"] is not None:
        raw["model"] |= {"name": given["model.name"] or OWN, "file_digest": ""}
    if given["model.weights"] is not None:
        raw["model"]["weights_digest"] = ""
        raw["model"]["weights_key"] = given["model.weights_key"] or ""
    return from_builtins(raw)


def _refuse_unknown_setting(method: str, name: str) -> None:
    """Raise `UserError` if a method has no setting of a name."""
    row = METHODS[method]
    if name not in row.spec.__struct_fields__:
        path = f"pruning.{name}"
        raise UserError(
            f"--{find_field(path).flag} is not a setting of {row.title}.",
            "Leave it out, or choose another method with --method.",
            field=path,
        )


def image_folders(recipe_file: Path | None) -> tuple[Path, ...]:
    """Return where to search for a recipe's own images: beside its file, then the shared folder."""
    beside = () if recipe_file is None else (beside_recipe(recipe_file),)
    return (*beside, default_image_folder())


def trusted_code(options: argparse.Namespace, recipe: Recipe) -> frozenset[str]:
    """Return the digest of the recipe's network file if the user has agreed to run it.

    Naming the file on the command line is consent; a recipe or run that names one is not.
    """
    agreed = options.model_file is not None or options.trust_code
    return frozenset({recipe.model.file_digest}) if agreed else frozenset()


def add_overwrite(parser: Any) -> None:  # noqa: ANN401 - argparse does not export the type
    """Add the option without which `refuse_existing` raises."""
    parser.add_argument("--overwrite", action="store_true", help="replace files of these names")


def refuse_existing(files: Sequence[Path], options: argparse.Namespace) -> None:
    """Raise `UserError` if a file to write exists, unless ``--overwrite`` allows to replace it."""
    for file in files:
        if os.path.lexists(file) and not options.overwrite:
            raise UserError(
                f"“{file}” is there already.", "Choose another name, or add --overwrite."
            )


def add_executor(parser: Any) -> None:  # noqa: ANN401 - argparse does not export the type
    """Add the option of all commands that do many runs: who does them."""
    parser.add_argument(
        "--executor",
        default="processes",
        metavar="EXECUTOR",
        help="serial (one after another), processes:N (N at once on this machine), or "
        "dask:ADDRESS (the workers of a Dask scheduler); default: processes, as many as there are "
        "processors and memory for. Results do not depend on it.",
    )


def add_common(parser: Any, *, num_threads: int | None = None) -> None:  # noqa: ANN401 - argparse does not export the type
    """Add the options of all commands that run recipes: the environment and the recipe.

    Parameters
    ----------
    num_threads
        Default number of threads; None for one fewer than the number of cores.
    """
    environment = parser.add_argument_group("environment")
    environment.add_argument(
        "--device", default="auto", help="auto, cpu, cuda:N or mps (default: auto)"
    )
    environment.add_argument(
        "--threads",
        type=int,
        default=num_threads or default_num_threads(),
        help="CPU threads"
        + (
            f" of each run (default: {num_threads})"
            if num_threads
            else " (default: one fewer than the number of cores)"
        ),
    )
    environment.add_argument(
        "--data-dir",
        type=Path,
        metavar="DIR",
        help="the folder that contains MNIST/, or an array file",
    )
    environment.add_argument(
        "--trust-code",
        action="store_true",
        help="allow running the network's Python file named by the recipe or run",
    )
    environment.add_argument(
        "--image-memory",
        type=float,
        metavar="GB",
        help="memory limit for a folder of images; larger folders are streamed from disk "
        "(default: half of the free memory)",
    )
    environment.add_argument(
        "--tensorboard",
        action="store_true",
        help="also write an event file for TensorBoard into the folder of each run",
    )
    environment.add_argument("--quiet", action="store_true", help="print only the result")
    recipe = parser.add_argument_group(
        "recipe (a flag overrides --preset, which overrides --recipe)"
    )
    recipe.add_argument(
        "--preset",
        choices=PRESETS.names,
        help="a set of settings for the network. "
        + " ".join(f"{preset.name}: {preset.text}" for preset in PRESETS).replace("%", "%%"),
    )
    recipe.add_argument(
        "--method",
        choices=METHODS.names,
        help=f"{METHOD.help} Default: {Recipe().pruning.method}.".replace("%", "%%"),
    )
    recipe.add_argument(
        "--edit",
        action="append",
        type=_text,
        metavar="EDIT",
        dest="pruning_edits",
        help="keep or remove connections by hand, whatever their scores, such as 'keep "
        "fc1.weight[0:10, 5]', 'remove units fc1[3]', 'remove pixels [0:4, 0:28]' or 'remove dead "
        "pixels'. May be repeated; later edits override earlier ones, and all together those of "
        "--recipe.",
    )
    for field in flag_fields():
        _add_flag(recipe, field)


def _add_flag(group: Any, field: Field) -> None:  # noqa: ANN401 - argparse does not export the type
    """Add the flag of one field, without a default, so as not to override a recipe file."""
    types: dict[str, type] = {"int": int, "ints": int, "float": float, "floats": float}
    keywords: dict[str, Any] = {"type": types.get(field.kind, _text), "dest": field.object_name}
    if field.path == "minibatch.classes":
        keywords["type"] = _class
    if field.zero:
        keywords["type"] = _number_or(field.zero, keywords["type"])
    if field.kind in ("ints", "floats", "texts"):
        keywords["nargs"] = "*"
    if field.choices:
        keywords["choices"] = [value for value, _ in field.choices]
    default = _get_default(field.path)
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


def _number_or(zero: str, convert: type) -> Callable[[str], Any]:
    """Return a function that reads a number, or the word that stands for 0."""

    def number(word: str) -> Any:  # noqa: ANN401 - an int or a float
        return convert(0 if word == zero else word)

    return number


def _class(word: str) -> ClassChoice:
    return parse_class(_text(word))


def _text(word: str) -> str:
    """Return an argument as text that can be written to a file, even if it is not UTF-8."""
    return os.fsencode(word).decode(errors="replace")


def _get_default(path: str) -> Any:  # noqa: ANN401 - any field
    """Return a field's default as text for the help; the first if methods differ."""
    raw, (part, _, name) = msgspec.to_builtins(Recipe()), path.rpartition(".")
    if part == "pruning" and name not in raw[part]:
        specs = (method.spec for method in METHODS)
        owner = next(spec for spec in specs if name in spec.__struct_fields__)
        raw[part] = msgspec.to_builtins(owner())
    value = (raw[part] if part else raw)[name]
    return " ".join(map(str, value)) if isinstance(value, tuple) else value


def environment_from(options: argparse.Namespace, recipe: Recipe) -> Environment:
    """Return the environment to run a recipe in; raises `UserError` for invalid numbers."""
    if not 1 <= options.threads <= _MOST_THREADS:
        raise UserError(
            f"--threads must be from 1 to {_MOST_THREADS:,}.", "Omit it for a sensible default."
        )
    if options.image_memory is not None and not 0 <= options.image_memory <= _MOST_GB:
        raise UserError(
            f"--image-memory must be from 0 to {_MOST_GB:,} GB.", "0 streams every folder."
        )
    return Environment(
        device=options.device,
        num_threads=options.threads,
        data_folder=options.data_dir,
        image_folders=image_folders(options.recipe),
        trusted_code=trusted_code(options, recipe),
        image_memory_bytes=(
            None if options.image_memory is None else int(options.image_memory * 1e9)
        ),
        event_files=options.tensorboard,
    )
