"""The commands ``verify``, ``bundle`` and ``unbundle``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from snip_gui.cli.options import add_overwrite, refuse_existing
from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.environment import Environment, default_runs_folder
from snip_gui.core.base.machine.optional_packages import import_torch
from snip_gui.core.base.text import size_text
from snip_gui.core.runs.folder import read_recipe

if TYPE_CHECKING:
    import argparse

    from snip_gui.cli.terminal import EventPrinter
    from snip_gui.core.sharing.events import Verified


def add_verify(commands: Any) -> None:  # noqa: ANN401 - argparse does not export the type
    """Add ``snip-gui verify``."""
    verify = commands.add_parser(
        "verify",
        help="compute the mask of a run again and compare it bit for bit",
        description="Compute the mask of a run again and compare it bit for bit: from its recipe "
        "if the data set is available, otherwise from the weights and images in the run folder. "
        "The exit status is 1 if anything differs.",
    )
    verify.add_argument("run", type=Path, metavar="RUN", help="a run folder")
    verify.add_argument("--data-dir", type=Path, metavar="DIR", help="folder or file of the images")
    verify.add_argument(
        "--trust-code",
        action="store_true",
        help="allow running the network's Python file saved with the run",
    )
    verify.set_defaults(command=_verify)


def _verify(options: argparse.Namespace, printer: EventPrinter) -> int:
    """Run ``snip-gui verify``."""
    recipe = read_recipe(options.run)
    environment = Environment(
        data_folder=options.data_dir,
        trusted_code=frozenset({recipe.model.file_digest}) if options.trust_code else frozenset(),
    )
    import_torch()
    from snip_gui.core.sharing.events import Verified
    from snip_gui.core.sharing.verifying import verify_run

    cancel, is_equal = CancelToken(), False
    with printer.stopping_on_signals(cancel, "Stopping."):
        for event in verify_run(options.run, environment, cancel):
            printer.event(event)
            if isinstance(event, Verified):
                _print_verified(event, printer)
                is_equal = event.is_equal
    return 0 if is_equal else 1


def _print_verified(verified: Verified, printer: EventPrinter) -> None:
    for one in verified.comparisons:
        differ = f"{one.num_different:,} differ" if one.num_different else "equal bit for bit"
        printer.line(f"{one.subject:<16} {one.num_values:>12,} values  {differ}")
    if not verified.is_equal:
        for package, (then, now) in verified.other_versions.items():
            printer.note(f"The run was made with {package} {then}; this is {now}.")


def add_bundle(commands: Any) -> None:  # noqa: ANN401 - argparse does not export the type
    """Add ``snip-gui bundle`` and ``snip-gui unbundle``."""
    bundle = commands.add_parser(
        "bundle",
        help="write a run to one file for other people",
        description="Write a run to one zip file with the digest of each file in it.",
    )
    bundle.add_argument("run", type=Path, metavar="RUN", help="a run folder")
    bundle.add_argument("--out", type=Path, metavar="FILE", required=True, help="zip file to write")
    add_overwrite(bundle)
    bundle.set_defaults(command=_bundle)
    unbundle = commands.add_parser(
        "unbundle",
        help="make a run folder of a bundle",
        description="Make a run folder of a bundle. Names, sizes and digests of its files are "
        "checked, and no code in it is run.",
    )
    unbundle.add_argument("file", type=Path, metavar="BUNDLE")
    unbundle.add_argument(
        "--out", type=Path, metavar="DIR", help="folder to make (default: in the runs folder)"
    )
    unbundle.set_defaults(command=_unbundle)


def _bundle(options: argparse.Namespace, printer: EventPrinter) -> int:
    """Run ``snip-gui bundle``."""
    from snip_gui.core.sharing.bundle import Bundled, write_bundle

    refuse_existing((options.out,), options)
    cancel = CancelToken()
    with printer.stopping_on_signals(cancel, "Stopping; nothing is left."):
        for event in write_bundle(options.run, options.out, cancel):
            printer.event(event)
            if isinstance(event, Bundled):
                size = size_text(event.num_bytes)
                printer.line(f"{event.path}: {event.num_files} files, {size}")
    return 0


def _unbundle(options: argparse.Namespace, printer: EventPrinter) -> int:
    """Run ``snip-gui unbundle``."""
    from snip_gui.core.sharing.bundle import Bundled, read_bundle
    from snip_gui.core.sharing.opening import bundle_name

    folder = options.out or default_runs_folder() / bundle_name(options.file)
    cancel = CancelToken()
    with printer.stopping_on_signals(cancel, "Stopping; nothing is left."):
        for event in read_bundle(options.file, folder, cancel):
            printer.event(event)
            if isinstance(event, Bundled):
                printer.line(str(event.path))
    return 0
