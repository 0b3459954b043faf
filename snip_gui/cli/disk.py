"""The command ``slim``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.text import size_text
from snip_gui.core.runs.folder import read_recipe
from snip_gui.core.sharing.slimming import PARTS, Slimmed, measure_parts, slim_job

if TYPE_CHECKING:
    import argparse

    from snip_gui.cli.terminal import EventPrinter


def add_slim(commands: Any) -> None:  # noqa: ANN401 - argparse does not export the type
    """Add ``snip-gui slim``."""
    slim = commands.add_parser(
        "slim",
        help="show what runs take on disk, and remove parts of them",
        description="Show what runs take on disk. With one of the options below, remove that part "
        "of each. Recipe, masks, trained weights and results always stay.",
    )
    slim.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="a run folder")
    for part in PARTS:
        slim.add_argument(f"--{part.name}", action="store_true", help=f"remove: {part.loss}")
    slim.set_defaults(command=_slim)


def _slim(options: argparse.Namespace, printer: EventPrinter) -> int:
    """Run ``snip-gui slim``."""
    for folder in options.runs:
        read_recipe(folder)  # before anything is removed, a folder that is not a run is refused
    parts = [part.name for part in PARTS if getattr(options, part.name)]
    if parts:
        cancel = CancelToken()
        with printer.stopping_on_signals(cancel, "Stopping after this run."):
            for event in slim_job(options.runs, parts, cancel):
                printer.event(event)
                if isinstance(event, Slimmed):
                    printer.line(f"{event.folder}: {size_text(event.num_bytes)} freed")
        return 0
    printer.line(f"{'total':>10} {'  '.join(f'{part.name:>10}' for part in PARTS)}  run")
    for folder in options.runs:
        found = measure_parts(folder)
        total = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        sizes = "  ".join(f"{size_text(found[part.name]):>10}" for part in PARTS)
        printer.line(f"{size_text(total):>10} {sizes}  {folder}")
    names = ", ".join(f"--{part.name}" for part in PARTS)
    printer.note(f"Nothing was removed. To remove parts, name them: {names}.")
    return 0
