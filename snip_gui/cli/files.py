"""The commands ``export`` and ``open``, which write and read checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from snip_gui.cli.options import add_overwrite, refuse_existing
from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.environment import Environment
from snip_gui.core.base.files import write_text
from snip_gui.core.base.machine.optional_packages import import_torch
from snip_gui.core.base.text import sparsity_text
from snip_gui.core.data.sets.catalogue import DATASETS
from snip_gui.core.data.sets.loading import load_images
from snip_gui.core.models.events import CheckpointFound, SeveralFound
from snip_gui.core.models.networks import Images, find_network
from snip_gui.core.recipe.json import encode_recipe
from snip_gui.core.recipe.recipe import DataChoice, Recipe
from snip_gui.core.runs.folder import read_recipe

if TYPE_CHECKING:
    import argparse

    from snip_gui.cli.terminal import EventPrinter


def add_export(commands: Any) -> None:  # noqa: ANN401 - argparse does not export the type
    """Add ``snip-gui export``."""
    from snip_gui.core.export.catalogue import FORMATS

    export = commands.add_parser("export", help="export the pruned checkpoint of a run to a file")
    export.add_argument("run", type=Path, metavar="RUN", help="a run folder")
    export.add_argument(
        "--format", choices=FORMATS.names, help="default: from the extension of FILE"
    )
    export.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        required=True,
        help="accompanying files are named FILE.md, FILE.png and FILE.load.py",
    )
    export.add_argument(
        "--overwrite",
        action="store_true",
        help="replace files of these names; those of a run are never replaced",
    )
    export.add_argument(
        "--data-dir",
        type=Path,
        metavar="DIR",
        help="folder or file of the images: int8 is calibrated on training images, and the effect "
        "of reduced precision on the test error is measured",
    )
    export.add_argument(
        "--allow-changes",
        action="store_true",
        help="write int8 even if it changes the classes of many test images",
    )
    export.add_argument(
        "--measure",
        action="store_true",
        help="measure size and speed of every format first, and state them in the card",
    )
    export.add_argument(
        "--trust-code",
        action="store_true",
        help="allow running the network's Python file saved with the run",
    )
    export.set_defaults(command=_export)


def _export(options: argparse.Namespace, printer: EventPrinter) -> int:
    """Run ``snip-gui export``."""
    from snip_gui.core.export.catalogue import find_format

    name = options.format or find_format(options.out).name
    recipe = read_recipe(options.run)
    environment = Environment(
        data_folder=options.data_dir,
        trusted_code=frozenset({recipe.model.file_digest}) if options.trust_code else frozenset(),
    )
    import_torch()
    from snip_gui.core.export.export import export_all
    from snip_gui.core.export.measuring import measure_costs

    cancel = CancelToken()
    with printer.stopping_on_signals(cancel, "Stopping; the existing file is unchanged."):
        costs = None
        if options.measure:
            costs = measure_costs(options.run, environment, cancel, printer.event)
        for event in export_all(
            options.run,
            [(name, options.out)],
            cancel,
            environment,
            overwrite=options.overwrite,
            allow_changes=options.allow_changes,
            costs=costs,
        ):
            printer.event(event)
    return 0


def add_open(commands: Any) -> None:  # noqa: ANN401 - argparse does not export the type
    """Add ``snip-gui open``."""
    opening = commands.add_parser(
        "open",
        help="identify a checkpoint and make a recipe that continues from it",
        description="Identify a checkpoint from any source: its weights, its mask, and the "
        "network that fits. The recipe continues from them: snip-gui run --recipe "
        "FILE.",
    )
    opening.add_argument("file", type=Path, metavar="CHECKPOINT")
    opening.add_argument(
        "--dataset",
        choices=DATASETS.names,
        default="digits",
        help="data set to open it with, if the file does not say (default: digits)",
    )
    opening.add_argument(
        "--data-dir", type=Path, metavar="DIR", help="folder or file of the images"
    )
    opening.add_argument(
        "--key",
        "--weights-key",
        default="",
        metavar="KEY",
        help="where the weights are in a file that holds several sets of them, such as model_ema",
    )
    opening.add_argument("--out", type=Path, metavar="FILE", help="recipe to write")
    add_overwrite(opening)
    opening.set_defaults(command=_open)


def _open(options: argparse.Namespace, printer: EventPrinter) -> int:
    """Run ``snip-gui open``."""
    import_torch()
    from snip_gui.core.models.recognising import inspect
    from snip_gui.core.weight_files.reading import several_error

    refuse_existing(() if options.out is None else (options.out,), options)
    images = load_images(options.dataset, options.data_dir)
    of = Images(images.image_shape, len(images.classes))
    chosen = Recipe(data=DataChoice(name=options.dataset))
    cancel = CancelToken()
    with printer.stopping_on_signals(cancel, "Stopping."):
        for event in inspect(
            options.file, chosen, of, Environment(), cancel, options.key, DATASETS.names
        ):
            printer.event(event)
            if isinstance(event, SeveralFound):
                raise several_error(event.path, [one.key for one in event.sets])
            if isinstance(event, CheckpointFound):
                _print_found(event, printer)
                if options.out is not None:
                    write_text(options.out, encode_recipe(event.recipes[0]))
    return 0


def _print_found(found: CheckpointFound, printer: EventPrinter) -> None:
    recipe = found.recipes[0]
    under = f", under “{found.key}”" if found.key else ""
    printer.line(f"{'kind':<12}{found.title}{under}")
    printer.line(f"{'holds':<12}{found.num_values:,} values in {found.num_tensors:,} tensors")
    printer.line(f"{'network':<12}{find_network(recipe.model).title}")
    printer.line(f"{'data set':<12}{DATASETS[recipe.data.name].title}")
    printer.line(f"{'sparsity':<12}{sparsity_text(recipe.pruning.sparsity)}, by {found.mask_from}")
    for split, error in found.errors:
        printer.line(f"{split:<12}error {error:.2%}")
