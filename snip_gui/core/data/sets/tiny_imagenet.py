"""Tiny-ImageNet as distributed: its training and validation files, 200 classes.

Its test files have no labels, so networks are tested on the validation files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.files import read_text
from snip_gui.core.data.download.locating import locate
from snip_gui.core.data.sets.listing import Listing, image_files, make_listing

if TYPE_CHECKING:
    from pathlib import Path

    from snip_gui.core.base.cancel import CancelToken

FOLDER = "tiny-imagenet-200"
_LARGEST_TEXT = 100_000_000


def list_tiny_imagenet(folder: Path | None, cancel: CancelToken) -> Listing:
    """List the files in ``tiny-imagenet-200``, given this folder or one near it.

    Raises
    ------
    UserError
        If no folder is given, a file is missing, or one of the text files is damaged.
    Cancelled
        If cancelled meanwhile.
    """
    if folder is None:
        raise UserError(
            "Tiny-ImageNet needs a data folder.",
            f"Choose the folder that contains “{FOLDER}”.",
            field="data.name",
        )
    root = locate(folder, FOLDER) / FOLDER
    wnids = sorted(line for line in _lines(root / "wnids.txt") if line)
    titles = _titles(root / "words.txt", wnids)
    test: dict[str, list[str]] = {wnid: [] for wnid in wnids}
    for number, line in enumerate(_lines(root / "val" / "val_annotations.txt"), 1):
        name, _, rest = line.partition("\t")
        wnid = rest.partition("\t")[0]
        if wnid not in test:
            raise _damaged(f"line {number} of “{root / 'val' / 'val_annotations.txt'}” names a "
                           f"class that is not in wnids.txt: “{line}”")  # fmt: skip
        test[wnid].append(str(root / "val" / "images" / name))
    try:
        train = [image_files(root / "train" / wnid, cancel) for wnid in wnids]
    except OSError as error:
        raise _damaged(f"“{error.filename}” cannot be read: {error.strerror}") from error
    for wnid, paths in zip(wnids, train, strict=True):
        if not paths:
            raise _damaged(f"“{root / 'train' / wnid}” holds no images")
    return make_listing("tiny-imagenet", "Tiny-ImageNet", titles, train, list(test.values()))


def _titles(path: Path, wnids: list[str]) -> list[str]:
    """Return the first synonym of each class, or all of them if two classes share the first."""
    words = dict(line.split("\t", 1) for line in _lines(path) if "\t" in line)
    full = [words.get(wnid, wnid) for wnid in wnids]
    first = [text.partition(",")[0] for text in full]
    return [
        short if first.count(short) == 1 else long for short, long in zip(first, full, strict=True)
    ]


def _lines(path: Path) -> list[str]:
    """Return the lines of a text file."""
    try:
        return read_text(path, max_bytes=_LARGEST_TEXT).splitlines()
    except UserError as error:
        raise _damaged(error.message.removesuffix(".")) from error


def _damaged(what: str) -> UserError:
    """Return the error for files that differ from the distributed ones."""
    return UserError(
        f"Tiny-ImageNet is incomplete: {what}.",
        f"Choose the folder that contains “{FOLDER}”, unpacked as distributed.",
        field="data.name",
    )
