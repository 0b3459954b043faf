"""The command ``study``: questions that are answered by many masks or runs."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snip_gui.cli.options import (
    add_common,
    add_executor,
    add_overwrite,
    environment_from,
    recipe_from,
    refuse_existing,
)
from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.environment import default_runs_folder
from snip_gui.core.base.errors import UserError
from snip_gui.core.base.events import Note
from snip_gui.core.base.files import write_text
from snip_gui.core.engine.crew import parse_crew
from snip_gui.core.engine.events import WorkBegan, WorkEnded
from snip_gui.core.engine.images import keep_images
from snip_gui.core.recipe.json import load_recipe
from snip_gui.core.recipe.sweeps import parse_seeds, parse_sparsities
from snip_gui.core.reports.text_tables import to_csv, to_text
from snip_gui.core.runs.listing import list_runs, newest_first
from snip_gui.core.studies.budget import Budget, forecast, parse_duration
from snip_gui.core.studies.catalogue import SERIES, STUDIES, StudyOptions, make_study
from snip_gui.core.studies.figures.render import SUFFIXES as FIGURES
from snip_gui.core.studies.figures.render import save_figure
from snip_gui.core.studies.from_runs import runs_of
from snip_gui.core.studies.overlaps.groups import find_field, make_groups
from snip_gui.core.studies.overlaps.overlap import Group
from snip_gui.core.studies.report import SUFFIXES as REPORTS
from snip_gui.core.studies.report import Report, Section, find_folder, save_report
from snip_gui.core.studies.study import Study, StudyDone, run_study
from snip_gui.core.studies.systems.systems import ALL

if TYPE_CHECKING:
    import argparse

    from snip_gui.cli.terminal import EventPrinter
    from snip_gui.core.base.environment import Environment
    from snip_gui.core.data.images.image_set import ImageSet
    from snip_gui.core.recipe.recipe import Recipe
    from snip_gui.core.reports.text_tables import Table


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
    _add_seeds_and_output(parser)
    parser.add_argument("name", choices=(*STUDIES.names, *SERIES), metavar="NAME",
                       help=", ".join((*STUDIES.names, *SERIES)))  # fmt: skip
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
        "instead of the classes of --classes; without values, all choices",
    )
    parser.add_argument("--recipes", nargs="+", type=Path, metavar="FILE",
                       help="overlap: compare these recipes")  # fmt: skip
    _add_systems(parser, "systems and others that compare methods: ")
    parser.add_argument("--cluster", action="store_true",
                       help="overlap: put similar groups next to each other")  # fmt: skip
    parser.set_defaults(command=_study)


def add_compare_systems(commands: Any) -> None:  # noqa: ANN401 - argparse does not export the type
    """Add ``snip-gui compare-systems``, which is the study of systems."""
    parser = commands.add_parser(
        "compare-systems",
        help="train pruning systems on one network and compare error, size and cost",
        description="Train pruning systems on one network and one data set, and compare error, "
        "kept connections and cost, beside what their authors published. The same command again "
        "continues where this one was stopped or killed.",
    )
    _add_seeds_and_output(parser)
    _add_systems(parser)
    parser.set_defaults(
        command=_study,
        name="systems",
        each=(),
        recipes=(),
        repeat="everything",
        cluster=False,
    )


def _add_systems(parser: argparse.ArgumentParser, study: str = "") -> None:
    """Add the options of the comparison of systems."""
    parser.add_argument("--systems", nargs="+", metavar="METHOD", default=(ALL,),
                       help=f"{study}the methods to compare (default: {ALL}, which is snip and "
                       "every method that prunes while training)")  # fmt: skip
    parser.add_argument("--sparsities", nargs="+", metavar="PERCENT", default=(),
                       help=f"{study}sparsities of methods that reach a chosen one, such as "
                       "90 95 98; the others are compared at several values of a setting of "
                       "their own")  # fmt: skip
    parser.add_argument("--passes", type=int, metavar="N", default=0,
                       help=f"{study}how often each system may pass over the training images, all "
                       "phases together (default: as the settings of each say)")  # fmt: skip


def _add_seeds_and_output(parser: argparse.ArgumentParser) -> None:
    """Add the options of all studies."""
    parser.add_argument("--budget", metavar="TIME",
                       help="stop after this time, such as 30min, and answer with "
                       "what there is")  # fmt: skip
    parser.add_argument("--report", type=Path, nargs="+", metavar="FILE", default=(),
                       help="report with the answers, figures and tables: .md, with a folder of "
                       "figures beside it, or .html, a single file")  # fmt: skip
    parser.add_argument("--figure", type=Path, metavar="FILE",
                       help="file of the figure: .png or .svg")  # fmt: skip
    parser.add_argument("--seeds", default="0-9", metavar="SEEDS",
                       help="such as 0-9 (default: 0-9)")  # fmt: skip
    parser.add_argument("--layers", action="store_true",
                       help="also print further tables, such as that of each layer")  # fmt: skip
    parser.add_argument("--out", type=Path, metavar="FILE", help="CSV file of all numbers")
    parser.add_argument("--runs", type=Path, metavar="DIR", default=default_runs_folder(),
                       help="where results are kept (default: the runs folder)")  # fmt: skip
    parser.add_argument("--recipe", type=Path, metavar="FILE", help="a recipe saved by the window")
    add_overwrite(parser)
    add_executor(parser)
    add_common(parser, num_threads=1)


def _study(options: argparse.Namespace, printer: EventPrinter) -> int:
    """Run ``snip-gui study``."""
    recipe = recipe_from(options)
    environment = environment_from(options, recipe)
    names = SERIES.get(options.name, (options.name,))
    _refuse_files(options, len(names))
    seconds = parse_duration(options.budget) if options.budget else math.inf
    cancel = CancelToken()
    sections: list[Section] = []
    with printer.stopping_on_signals(cancel):
        budget = Budget(cancel, seconds)
        for number, name in enumerate(names):
            info, started = STUDIES[name], time.monotonic()
            try:
                # Each has its share, and what the ones before it left of theirs.
                share = budget.share(len(names) - number)
                done = _run(name, options, recipe, environment, share, printer)
            except UserError as error:
                if len(names) == 1:
                    raise
                printer.error(error)
                reason = error.message
                sections.append(Section(name, info.title, info.question, reason=reason))
                continue
            if done is None:
                break
            _print_answer(done, options, printer)
            seconds = time.monotonic() - started
            question, answer = done.study.question, done.answer
            sections.append(Section(name, info.title, question, answer, seconds=seconds))
            if options.out is not None:
                write_text(options.out, to_csv(done.answer.table))
                printer.note(f"Saved {options.out}.")
            if options.figure is not None:
                save_figure(options.figure, done.answer.figure)
                printer.note(f"Saved {options.figure}.")
    if sections:
        title = STUDIES[names[0]].title if len(names) == 1 else f"Studies of the {options.name}"
        for file in options.report:
            save_report(file, Report(title, _facts(options, recipe), sections))
            printer.note(f"Saved {file}.")
    return 130 if cancel.is_cancelled or not sections else 0


def _refuse_files(options: argparse.Namespace, number: int) -> None:
    """Raise `UserError` if a file is for one study only, in an unknown format, or there already."""
    for flag in ("out", "figure"):
        if getattr(options, flag) is not None and number > 1:
            raise UserError(f"--{flag} is for a single study.", "Name a --report instead.")
    figures = () if options.figure is None else (options.figure,)
    for files, suffixes in ((options.report, REPORTS), (figures, FIGURES)):
        for file in files:
            if file.suffix.lower() not in suffixes:
                raise UserError(
                    f"“{file.name}” has none of the extensions {', '.join(suffixes)}.",
                    "The extension says in which format it is written.",
                )
    tables = () if options.out is None else (options.out,)
    beside = [find_folder(file) for file in options.report if file.suffix.lower() == ".md"]
    refuse_existing((*tables, *figures, *options.report, *beside), options)


def _run(
    name: str,
    options: argparse.Namespace,
    recipe: Recipe,
    environment: Environment,
    budget: Budget,
    printer: EventPrinter,
) -> StudyDone | None:
    """Run a study; None if it was stopped."""
    study = _make(name, options, recipe, environment)
    printer.note(f"{study.question} {study.num_works:,} {study.unit}.")
    if STUDIES[name].advice:
        printer.note(STUDIES[name].advice)
    runs = runs_of(study.make_works(options.runs, environment))
    text = forecast(runs, newest_first(list_runs(options.runs)), budget.seconds_left)
    if text:
        printer.note(text)
    done: StudyDone | None = None
    for event in run_study(study, options.runs, environment, parse_crew(options.executor), budget):
        if isinstance(event, StudyDone):
            done = event
        elif isinstance(event, WorkBegan | WorkEnded):
            continue
        elif not isinstance(event, Note) or "failed" in event.text:
            printer.event(event)
    return done


def _print_answer(done: StudyDone, options: argparse.Namespace, printer: EventPrinter) -> None:
    _print_table(done.answer.overview, printer)
    if options.layers:
        for title, table in done.answer.parts:
            printer.line("")
            printer.line(title)
            _print_table(table, printer)
    printer.line(done.answer.sentence)


def _facts(options: argparse.Namespace, recipe: Recipe) -> dict[str, str]:
    """Return what the answers of a report depend on."""
    training = recipe.training
    return {
        "network": recipe.model.name,
        "data set": recipe.data.name,
        "training": f"{training.epochs} epochs with {training.optimizer}, batches of "
        f"{training.batch_size}, learning rate {training.learning_rate:g}",
        "seeds": options.seeds,
        "budget": options.budget or "none",
    }


def _print_table(table: Table, printer: EventPrinter) -> None:
    for line in to_text(table).splitlines():
        printer.line(line)


def _make(
    name: str, options: argparse.Namespace, recipe: Recipe, environment: Environment
) -> Study:
    """Return the study that the options describe; raises `UserError` if they do not fit."""
    return make_study(
        name,
        recipe,
        StudyOptions(
            seeds=parse_seeds(options.seeds),
            read_images=lambda: _images(recipe, environment),
            methods=tuple(name for name in options.systems if name != ALL),
            sparsities=(
                parse_sparsities(" ".join(options.sparsities)) if options.sparsities else ()
            ),
            passes=options.passes,
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
        flag, *words = options.each
        return make_groups(recipe, find_field(flag).path, words, ())
    return ()


def _images(recipe: Recipe, environment: Environment) -> ImageSet:
    from snip_gui.core.data.sets.loading import load_images, read_options_for

    images = keep_images(recipe.data, environment)
    if images is None:
        options = read_options_for(recipe.data, environment)
        images = load_images(recipe.data.name, environment.data_folder, options)
    return images
