"""The commands ``list`` and ``download``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.environment import default_data_folder
from snip_gui.core.data.sets.catalogue import DATASETS
from snip_gui.core.models.catalogue import MODELS
from snip_gui.core.models.networks import SUGGESTED, TORCHVISION
from snip_gui.core.recipe.methods import METHODS

if TYPE_CHECKING:
    import argparse

    from snip_gui.cli.terminal import EventPrinter


def add_list(commands: Any) -> None:  # noqa: ANN401 - argparse does not export the type
    """Add ``snip-gui list``."""
    listing = commands.add_parser("list", help="list the networks, data sets or pruning methods")
    listing.add_argument("what", choices=("models", "datasets", "methods"))
    listing.add_argument(
        "--all", action="store_true", help="also all classification networks of torchvision"
    )
    listing.set_defaults(command=_list)


def _list(options: argparse.Namespace, printer: EventPrinter) -> int:
    """Run ``snip-gui list``."""
    if options.what == "models":
        width = max(map(len, MODELS.names))
        for model in MODELS:
            printer.line(f"{model.name:{width}}  {model.num_parameters:>11,}  {model.description}")
        for name in _torchvision_names(everything=options.all):
            printer.line(f"{TORCHVISION}{name}  {SUGGESTED.get(name, '')}".rstrip())
    elif options.what == "methods":
        width = max(map(len, METHODS.names))
        for method in METHODS:
            printer.line(f"{method.name:{width}}  {method.title}: {method.description}")
    else:
        width = max(map(len, DATASETS.names))
        for dataset in DATASETS:
            printer.line(f"{dataset.name:{width}}  {dataset.description}")
    return 0


def _torchvision_names(*, everything: bool) -> tuple[str, ...]:
    """Return torchvision's names of the networks listed by default, or of all it has."""
    if not everything:
        return tuple(SUGGESTED)
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
