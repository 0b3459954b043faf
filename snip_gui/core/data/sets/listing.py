"""The files of a folder of images, found without opening any of them.

N files. ``train/`` and ``test/``, or one folder, with a folder for each class inside.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from snip_gui.core.base.errors import UserError
from snip_gui.core.data.images.decoding import SUFFIXES, shown
from snip_gui.core.data.sets.test_part import fixed_test_part

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from snip_gui.core.base.cancel import CancelToken


@dataclass(frozen=True, slots=True, eq=False)
class Listing:
    """Files with their labels, before anyone knows whether they can be read.

    Attributes
    ----------
    name, title
        Those of the data set.
    train_labels_N, test_labels_N
        int64, indices into ``classes``.
    """

    name: str
    title: str
    classes: tuple[str, ...]
    train_paths: tuple[str, ...]
    train_labels_N: NDArray[np.int64]
    test_paths: tuple[str, ...]
    test_labels_N: NDArray[np.int64]


def list_folder(folder: Path | None, cancel: CancelToken) -> Listing:
    """List a folder of images. Without a ``test`` folder, a fixed fifth of each class is one.

    Raises
    ------
    UserError
        If the folder is missing or cannot be read, holds fewer than two classes, or a class is
        empty.
    Cancelled
        If cancelled on the way.
    """
    if folder is None or not folder.is_dir():
        raise UserError(
            f"There is no folder “{shown(str(folder))}”."
            if folder
            else "No folder of images is named.",
            "Choose the folder that contains “train” and “test”, or the folders of the classes.",
            field="data.name",
        )
    has_both = (folder / "train").is_dir() and (folder / "test").is_dir()
    root = folder / "train" if has_both else folder
    try:
        with os.scandir(root) as entries:
            classes = tuple(sorted(entry.name for entry in entries if entry.is_dir()))
        by_class = [image_files(root / name, cancel) for name in classes]
        tested = classes if has_both else ()
        test_by_class = [image_files(folder / "test" / name, cancel) for name in tested]
    except OSError as error:
        raise UserError(
            f"“{shown(str(error.filename))}” cannot be read: {error.strerror}.",
            "Choose another folder.",
            field="data.name",
        ) from error
    if len(classes) < 2:
        raise UserError(
            f"“{shown(str(root))}” holds {len(classes)} folders of classes, but at least 2 are "
            "needed.",
            "Put the images of each class into a folder of their own.",
            field="data.name",
        )
    for name, paths in zip(classes, by_class, strict=True):
        if not paths:
            raise UserError(
                f"The class “{shown(name)}” in “{shown(str(root))}” has no images.",
                f"Remove the folder, or put images into it ({', '.join(sorted(SUFFIXES))}).",
                field="data.name",
            )
    if not has_both:
        by_class, test_by_class = _split(by_class)
    return make_listing(
        "folder", f"Folder “{shown(folder.name)}”", classes, by_class, test_by_class
    )


def make_listing(
    name: str,
    title: str,
    classes: Sequence[str],
    train: Sequence[Sequence[str]],
    test: Sequence[Sequence[str]],
) -> Listing:
    """Return a listing of the files of each class."""
    train_paths, train_labels_N = _flat(train)
    test_paths, test_labels_N = _flat(test)
    names = tuple(shown(one) for one in classes)
    return Listing(name, title, names, train_paths, train_labels_N, test_paths, test_labels_N)


def image_files(folder: Path, cancel: CancelToken) -> list[str]:
    """Return the image files in a folder and the folders in it, sorted; none if it is missing."""
    found: list[str] = []
    waiting = [str(folder)] if folder.is_dir() else []
    while waiting:
        cancel.raise_if_cancelled()  # on a slow network, listing takes long
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                elif os.path.splitext(entry.name)[1].lower() in SUFFIXES:
                    found.append(entry.path)
    return sorted(found)


def _split(by_class: Sequence[list[str]]) -> tuple[list[list[str]], list[list[str]]]:
    """Take a fixed fifth of each class for testing."""
    train: list[list[str]] = [[] for _ in by_class]
    test: list[list[str]] = [[] for _ in by_class]
    paths, labels_N = _flat(by_class)
    for path, label, tested in zip(paths, labels_N, fixed_test_part(labels_N), strict=True):
        (test if tested else train)[label].append(path)
    return train, test


def _flat(by_class: Sequence[Sequence[str]]) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Return all files, class after class, and their labels."""
    labels_N = np.repeat(np.arange(len(by_class)), [len(paths) for paths in by_class])
    labels_N.flags.writeable = False
    return tuple(path for paths in by_class for path in paths), labels_N
