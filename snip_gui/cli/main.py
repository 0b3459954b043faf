"""Entry point of the command line, which needs no display and does not import Qt.

Flags are generated from the fields of the recipe, so flags, forms and errors use the same names.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from typing import TYPE_CHECKING

from snip_gui import __version__
from snip_gui.cli.data import add_download, add_list
from snip_gui.cli.desktop import add_desktop_entry
from snip_gui.cli.disk import add_slim
from snip_gui.cli.files import add_export, add_open
from snip_gui.cli.run import add_queue, add_run, add_stop, add_sweep
from snip_gui.cli.sharing import add_bundle, add_verify
from snip_gui.cli.studies import add_compare_systems, add_study
from snip_gui.cli.terminal import EventPrinter, Stream
from snip_gui.core.base.errors import (
    Cancelled,
    UserError,
    is_memory_error,
    make_memory_error,
)
from snip_gui.core.base.text import is_utf8
from snip_gui.core.plugins import plugin_problems

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str]) -> int:
    """Run the command line and return the exit status: 0, 1 (an error), 2 (usage) or 130."""
    out, err = Stream(sys.stdout), Stream(sys.stderr)
    try:
        options = _parse(arguments, err)
        printer = EventPrinter(out, err, quiet=getattr(options, "quiet", False))
        # What a user's network prints is not a result, and must not fail if a stream is gone.
        with contextlib.redirect_stdout(err.as_file()), contextlib.redirect_stderr(err.as_file()):
            return _run(options, arguments, printer)
    finally:
        out.finish()
        err.finish()


def _parse(arguments: Sequence[str], err: Stream) -> argparse.Namespace:
    """Parse the command line; after a mistake in it, print which packages cannot be used."""
    parser = make_parser()
    try:
        options = parser.parse_args(arguments)
        if options.command is None:
            parser.error("the following arguments are required: COMMAND")
        return options
    except SystemExit as end:
        if end.code:  # a choice may be missing because its package is broken
            printer = EventPrinter(err, err)
            for problem in plugin_problems():
                printer.note(problem)
        raise


def _run(options: argparse.Namespace, arguments: Sequence[str], printer: EventPrinter) -> int:
    """Run the command that was parsed."""
    for problem in plugin_problems():
        printer.note(problem)
    try:
        _refuse_undecodable(arguments)
        return int(options.command(options, printer))
    except UserError as error:
        printer.error(error)
        return 1
    except (Cancelled, KeyboardInterrupt):
        return 130
    except Exception as error:
        if not is_memory_error(error):
            raise
        printer.error(make_memory_error())
        return 1


def _refuse_undecodable(arguments: Sequence[str]) -> None:
    """Raise `UserError` if an argument or the current folder is not valid UTF-8.

    Recipes, which name files, are UTF-8, and so are all paths that safetensors accepts.
    """
    for text in (*arguments, os.getcwd()):
        if not is_utf8(text):
            raise UserError(
                f"The name “{text}” is not valid UTF-8.", "Rename the file or folder first."
            )


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    parser = argparse.ArgumentParser(
        prog="snip-gui",
        description="Explore SNIP, single-shot network pruning. "
        "Without a command, the window opens; with the name of a recipe, bundle or checkpoint it "
        "opens that.",
    )
    parser.add_argument("--version", action="version", version=f"snip-gui {__version__}")
    add_desktop_entry(parser)
    commands = parser.add_subparsers(metavar="COMMAND")
    add_run(commands)
    add_sweep(commands)
    add_study(commands)
    add_compare_systems(commands)
    add_stop(commands)
    add_queue(commands)
    add_list(commands)
    add_export(commands)
    add_open(commands)
    add_verify(commands)
    add_bundle(commands)
    add_slim(commands)
    add_download(commands)
    return parser
