"""The commands ``list`` and ``download``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.environment import default_data_folder
from snip_gui.core.base.machine.optional_packages import import_torch
from snip_gui.core.data.sets.catalogue import DATASETS
from snip_gui.core.export.catalogue import FORMATS
from snip_gui.core.models.catalogue import MODELS
from snip_gui.core.models.networks import SUGGESTED, TORCHVISION
from snip_gui.core.recipe.methods import METHODS

if TYPE_CHECKING:
    import argparse

    from snip_gui.cli.terminal import EventPrinter


def add_list(commands: Any) -> None:  # noqa: ANN401 - argparse does not export the type
    """Add ``snip-gui list``."""
    listing = commands.add_parser(
        "list", help="list the networks, data sets, pruning methods or export formats"
    )
    listing.add_argument(
        "what",
        choices=("networks", "models", "datasets", "methods", "exports"),
        help="“models” is another name for “networks”",
    )
    listing.add_argument(
        "--all", action="store_true", help="also all classification networks of torchvision"
    )
    listing.set_defaults(command=_list)


def _list(options: argparse.Namespace, printer: EventPrinter) -> int:
    """Run ``snip-gui list``."""
    match options.what:
        case "methods":
            rows = [(one.name, f"{one.title}: {one.description}") for one in METHODS]
        case "datasets":
            rows = [(one.name, one.description) for one in DATASETS]
        case "exports":
            rows = [(one.name, f"{one.suffix}: {one.description}") for one in FORMATS]
        case _:
            rows = _network_rows(everything=options.all)
    width = max(len(name) for name, _ in rows if not name.startswith(TORCHVISION))
    for name, text in rows:
        printer.line(f"{name:{width}}  {text}".rstrip())
    return 0


def _network_rows(*, everything: bool) -> list[tuple[str, str]]:
    """Return name and text of each network: its number of parameters if known, and what it is."""
    own = [
        (one.name, f"{format(one.num_parameters, ',') if one.num_parameters else '':>11}  "
         f"{one.description}")
        for one in MODELS
    ]  # fmt: skip
    names = _torchvision_names(everything=everything)
    return own + [(f"{TORCHVISION}{name}", SUGGESTED.get(name, "")) for name in names]


def _torchvision_names(*, everything: bool) -> tuple[str, ...]:
    """Return torchvision's names of the networks listed by default, or of all it has."""
    if not everything:
        return tuple(SUGGESTED)
    import_torch()
    from snip_gui.core.models.torchvision_models import names

    return names()


def add_download(commands: Any) -> None:  # noqa: ANN401 - argparse does not export the type
    """Add ``snip-gui download``."""
    download = commands.add_parser(
        "download",
        help="download a data set",
        description="Download a data set from its source; files that are already there are not "
        "downloaded again.",
    )
    names = [dataset.name for dataset in DATASETS if dataset.download is not None]
    download.add_argument("name", choices=names, metavar="NAME", help=", ".join(names))
    folder = default_data_folder()
    download.add_argument(
        "--data-dir", type=Path, metavar="DIR", default=folder, help=f"default: {folder}"
    )
    download.add_argument("--quiet", action="store_true", help="print only the folder")
    download.set_defaults(command=_download)


def _download(options: argparse.Namespace, printer: EventPrinter) -> int:
    """Run ``snip-gui download``."""
    from snip_gui.core.data.download.fetch import download_job

    dataset = DATASETS[options.name]
    download = dataset.download
    assert download is not None
    printer.note(f"{dataset.title}: {download.size_text} from {', '.join(download.hosts)}")
    printer.note(download.page)
    printer.note(download.terms)
    cancel = CancelToken()
    with printer.stopping_on_signals(cancel):
        for event in download_job(dataset, options.data_dir, cancel):
            printer.event(event)
    printer.line(str(options.data_dir))
    return 0
