"""The command ``study``: questions that are answered by many masks or runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from snip_gui.cli.options import add_common, add_executor, environment_from, recipe_from
from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.environment import default_runs_folder
from snip_gui.core.base.errors import UserError
from snip_gui.core.base.events import Note
from snip_gui.core.base.files import write_text
from snip_gui.core.engine.crew import parse_crew
from snip_gui.core.engine.events import WorkBegan, WorkEnded
from snip_gui.core.engine.images import keep_images
from snip_gui.core.recipe.fields import METHOD, all_fields
from snip_gui.core.recipe.json import load_recipe
from snip_gui.core.recipe.sweeps import parse_seeds
from snip_gui.core.reports.text_tables import to_csv, to_text
from snip_gui.core.studies.catalogue import STUDIES, StudyOptions, make_study
from snip_gui.core.studies.overlaps.overlap import Group, field_groups
from snip_gui.core.studies.study import Study, StudyDone, run_study

if TYPE_CHECKING:
    import argparse

    from snip_gui.cli.terminal import EventPrinter
    from snip_gui.core.base.environment import Environment
    from snip_gui.core.data.images.image_set import ImageSet
    from snip_gui.core.recipe.recipe import Recipe
    from snip_gui.core.reports.text_tables import Table

_FIELDS = {METHOD.flag: METHOD} | {field.flag: field for field in all_fields()}


def add_study(commands: Any) -> None:  # noqa: ANN401 - argparse does not export the type
    """Add ``snip-gui study``."""
    parser = commands.add_parser(
        "study",
        help="answer a question with many masks or runs",
        description="Answer a question with many masks or runs. "
        + " ".join(f"{study.name}: {study.question}" for study in STUDIES)
        + " Results are kept in the runs folder, so that the same command again, or a larger "
        "study, computes only what is new.",
    )
    parser.add_argument("name", choices=STUDIES.names, metavar="NAME",
                       help=", ".join(STUDIES.names))  # fmt: skip
    parser.add_argument("--seeds", default="0-9", metavar="SEEDS",
                       help="such as 0-9 (default: 0-9)")  # fmt: skip
    parser.add_argument(
        "--repeat",
        choices=("everything", "images"),
        default="everything",
        help="what another seed changes: everything, above all the initial weights, or only which "
        "images are drawn (default: everything)",
    )
    parser.add_argument(
        "--each",
        nargs="+",
        metavar=("FLAG", "VALUE"),
        help="overlap: compare the values of a setting, such as “--each method snip random”, "
        "instead of the classes of --classes",
    )
    parser.add_argument("--recipes", nargs="+", type=Path, metavar="FILE",
                       help="overlap: compare these recipes")  # fmt: skip
    parser.add_argument("--cluster", action="store_true",
                       help="overlap: put similar groups next to each other")  # fmt: skip
    parser.add_argument("--layers", action="store_true",
                       help="also print further tables, such as that of each layer")  # fmt: skip
    parser.add_argument("--out", type=Path, metavar="FILE", help="CSV file of all numbers")
    parser.add_argument("--runs", type=Path, metavar="DIR", default=default_runs_folder(),
                       help="where results are kept (default: the runs folder)")  # fmt: skip
    parser.add_argument("--recipe", type=Path, metavar="FILE", help="a recipe saved by the window")
    parser.set_defaults(command=_study)
    add_executor(parser)
    add_common(parser, num_threads=1)


def _study(options: argparse.Namespace, printer: EventPrinter) -> int:
    """Run ``snip-gui study``."""
    recipe = recipe_from(options)
    environment = environment_from(options, recipe)
    crew = parse_crew(options.executor)
    study = _make(options, recipe, environment)
    printer.note(f"{study.question} {study.num_works:,} {study.unit}.")
    cancel = CancelToken()
    done: StudyDone | None = None
    with printer.stopping_on_signals(cancel):
        for event in run_study(study, options.runs, environment, crew, cancel):
            if isinstance(event, StudyDone):
                done = event
            elif isinstance(event, WorkBegan | WorkEnded):
                continue
            elif not isinstance(event, Note) or "failed" in event.text:
                printer.event(event)
    if done is None:
        return 130
    _print_table(done.answer.overview, printer)
    if options.layers:
        for title, table in done.answer.parts:
            printer.line("")
            printer.line(title)
            _print_table(table, printer)
    printer.line(done.answer.sentence)
    if options.out is not None:
        write_text(options.out, to_csv(done.answer.table))
        printer.note(f"Saved {options.out}.")
    return 0


def _print_table(table: Table, printer: EventPrinter) -> None:
    for line in to_text(table).splitlines():
        printer.line(line)


def _make(options: argparse.Namespace, recipe: Recipe, environment: Environment) -> Study:
    """Return the study that the options describe; raises `UserError` if they do not fit."""
    return make_study(
        options.name,
        recipe,
        StudyOptions(
            seeds=parse_seeds(options.seeds),
            read_images=lambda: _images(recipe, environment),
            repeat="seed" if options.repeat == "everything" else "minibatch.seed",
            groups=_groups(options, recipe),
            is_clustered=options.cluster,
        ),
    )


def _groups(options: argparse.Namespace, recipe: Recipe) -> tuple[Group, ...]:
    """Return the groups to compare: recipes, or values of a setting; empty if none are named."""
    if options.recipes:
        return tuple(Group(file.stem, load_recipe(file)) for file in options.recipes)
    if options.each:
        flag, *values = options.each
        field = _FIELDS.get(flag.removeprefix("--"))
        if field is None or not values:
            raise UserError(
                f"--each {flag} is not a setting with values.",
                "Name a flag of the recipe and its values, such as --each method snip random.",
            )
        return field_groups(recipe, field.path, [_value(word, field.kind) for word in values])
    return ()


def _value(word: str, kind: str) -> object:
    """Return a value of a field from a word; one of the wrong type is refused with the recipe."""
    types = {"int": int, "float": float}
    try:
        return types[kind](word) if kind in types else word
    except ValueError:
        return word


def _images(recipe: Recipe, environment: Environment) -> ImageSet:
    from snip_gui.core.data.sets.loading import load_images, read_options_for

    images = keep_images(recipe.data, environment)
    if images is None:
        options = read_options_for(recipe.data, environment)
        images = load_images(recipe.data.name, environment.data_folder, options)
    return images
