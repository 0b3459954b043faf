"""Listing of a folder of images, without opening any file. N files."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.text import listed, natural_order
from snip_gui.core.data.images.decoding import SUFFIXES, shown
from snip_gui.core.data.sets.parts import are_parts, find_parts, fixed_test_part, is_hidden
from snip_gui.core.recipe.recipe import is_position

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.data.sets.parts import Parts

_MOST_NAMED = 40
_KINDS = ", ".join(sorted(SUFFIXES))


@dataclass(frozen=True, slots=True, eq=False)
class Listing:
    """Files with their labels, not yet known to be readable.

    Attributes
    ----------
    name, title
        Name and title of the data set.
    train_labels_N, test_labels_N
        int64, indices into ``classes``.
    notes
        Sentences for the log on how the folders were interpreted.
    """

    name: str
    title: str
    classes: tuple[str, ...]
    train_paths: tuple[str, ...]
    train_labels_N: NDArray[np.int64]
    test_paths: tuple[str, ...]
    test_labels_N: NDArray[np.int64]
    notes: tuple[str, ...] = ()


def list_folder(folder: Path | None, cancel: CancelToken) -> Listing:
    """List a folder of images.

    Its subfolders are the classes, or the parts of the data set (see `find_parts`), each with the
    classes in it. If there is no test part, the validation part is used for testing, and if there
    is neither, a fixed fifth of each class. Hidden files and folders are skipped.

    Raises
    ------
    UserError
        If the folder is missing or unreadable, has fewer than two classes, a class is empty, or its
        subfolders are neither classes nor parts.
    Cancelled
        If cancelled meanwhile.
    """
    if folder is None or not folder.is_dir():
        missing = f"There is no folder “{shown(str(folder))}”." if folder else ""
        raise _refused(
            missing or "No image folder is chosen.",
            "Choose the folder that contains “train” and “test”, or one subfolder per class.",
        )
    title = f"Folder “{shown(folder.name)}”"
    try:
        folder = _unwrapped(folder)
        parts = find_parts(_folders_in(folder))
        root = folder if parts is None else _unwrapped(folder / parts.train)
        classes = _folders_in(root)
        _refuse_fewer_than_two(root, classes)
        by_class = [image_files(root / name, cancel) for name in classes]
        _refuse_no_classes(root, classes, by_class)
        test_by_class: list[list[str]] | None = None
        notes: list[str] = []
        if parts is not None:
            test_by_class, notes = _list_test_part(folder, parts, classes, cancel)
    except OSError as error:
        raise _refused(
            f"“{shown(str(error.filename))}” cannot be read: {error.strerror}.",
            "Choose another folder.",
        ) from error
    if test_by_class is None:
        by_class, test_by_class = _split(by_class)
    if natural_order(classes) != list(range(len(classes))) or any(map(is_position, classes)):
        positions = [f"{shown(classes[at])} (#{at})" for at in natural_order(classes)]
        more = ", ..." if len(positions) > _MOST_NAMED else "."
        notes.append(f"Classes by position: {', '.join(positions[:_MOST_NAMED])}{more}")
    listing = make_listing("folder", title, classes, by_class, test_by_class)
    return replace(listing, notes=tuple(f"{title}: {note}" for note in notes))


def _list_test_part(
    folder: Path, parts: Parts, classes: Sequence[str], cancel: CancelToken
) -> tuple[list[list[str]] | None, list[str]]:
    """Return the test files of each class, or None if there are none, and notes on the parts."""
    notes = []
    if parts.others:
        notes.append(f"Not used: {_listed(parts.others)} beside the parts of the data set.")
    for name in filter(None, (parts.test, parts.validation)):
        root = _unwrapped(folder / name)
        found = _folders_in(root)
        strange = [other for other in found if other not in classes]
        if len(strange) == len(found):
            notes.append(f"Not used: “{shown(name)}”, which has no folders of the classes.")
            continue
        by_class = [image_files(root / one, cancel) for one in classes]
        if strange:
            notes.append(
                f"Not used: {_listed(strange)} in “{shown(name)}”, without training images."
            )
        untested = [one for one, paths in zip(classes, by_class, strict=True) if not paths]
        if untested:
            notes.append(f"There are no test images of {_listed(untested)}.")
        if name != parts.test:
            notes.append(f"The images of “{shown(name)}” are the test images.")
        elif parts.validation:
            notes.append(
                f"Not used: “{shown(parts.validation)}”. The validation split is taken from the "
                "training images."
            )
        return by_class, notes
    notes.append("A fixed fifth of each class is for testing.")
    return None, notes


def _folders_in(folder: Path) -> list[str]:
    """Return the sorted names of a folder's subfolders, without hidden ones."""
    with os.scandir(folder) as entries:
        return sorted(
            entry.name for entry in entries if not is_hidden(entry.name) and entry.is_dir()
        )


def _unwrapped(folder: Path) -> Path:
    """Return the folder, or its only subfolder if that has the same name, as in archives."""
    return folder / folder.name if _folders_in(folder) == [folder.name] else folder


def _refuse_fewer_than_two(root: Path, classes: Sequence[str]) -> None:
    if len(classes) >= 2:
        return
    hint = "Put the images of each class into a folder of their own."
    if classes and len(_folders_in(root / classes[0])) >= 2:
        hint = f"Choose the folder “{shown(classes[0])}” in it."
    count = "one folder of a class" if classes else "no folders of classes"
    raise _refused(f"“{shown(str(root))}” holds {count}, but at least 2 are needed.", hint)


def _refuse_no_classes(
    root: Path, classes: Sequence[str], by_class: Sequence[Sequence[str]]
) -> None:
    """Raise `UserError` if a class has no images, or the folders are not classes."""
    for name, paths in zip(classes, by_class, strict=True):
        if not paths:
            raise _refused(
                f"The class “{shown(name)}” in “{shown(str(root))}” has no images.",
                f"Remove the folder, or put images into it ({_KINDS}).",
            )
    inside = [
        {
            path.removeprefix(str(root / name)).lstrip(os.sep).partition(os.sep)[::2]
            for path in paths
        }
        for name, paths in zip(classes, by_class, strict=True)
    ]
    if any(not rest for found in inside for _, rest in found):
        return  # images are in the folder of the class itself
    names = [sorted({first for first, _ in found}) for found in inside]
    every = sorted({name for one in names for name in one})
    if are_parts(every) or (len(every) > 1 and all(one == every for one in names)):
        raise _refused(
            f"The folders in “{shown(str(root))}” all hold the same folders, {_listed(every)}, so "
            "they do not look like classes.",
            "Choose a folder with one folder for each class, or name its parts “train” and “test”.",
        )


def _listed(names: Sequence[str]) -> str:
    return listed([shown(name) for name in names])


def _refused(message: str, hint: str) -> UserError:
    return UserError(message, hint, field="data.name")


def make_listing(
    name: str,
    title: str,
    classes: Sequence[str],
    train: Sequence[Sequence[str]],
    test: Sequence[Sequence[str]],
) -> Listing:
    """Return the listing of given files of each class."""
    train_paths, train_labels_N = _flat(train)
    test_paths, test_labels_N = _flat(test)
    names = tuple(shown(one) for one in classes)
    return Listing(name, title, names, train_paths, train_labels_N, test_paths, test_labels_N)


def image_files(folder: Path, cancel: CancelToken) -> list[str]:
    """Return the sorted image files in a folder and its subfolders; none if it is missing.

    Hidden files and folders are skipped.
    """
    found: list[str] = []
    waiting = [str(folder)] if folder.is_dir() else []
    while waiting:
        cancel.raise_if_cancelled()  # listing is slow on network drives
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if is_hidden(entry.name):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                elif os.path.splitext(entry.name)[1].lower() in SUFFIXES:
                    found.append(entry.path)
    return sorted(found)


def _split(by_class: Sequence[list[str]]) -> tuple[list[list[str]], list[list[str]]]:
    """Set aside a fixed fifth of each class for testing."""
    train: list[list[str]] = [[] for _ in by_class]
    test: list[list[str]] = [[] for _ in by_class]
    paths, labels_N = _flat(by_class)
    for path, label, tested in zip(paths, labels_N, fixed_test_part(labels_N), strict=True):
        (test if tested else train)[label].append(path)
    return train, test


def _flat(by_class: Sequence[Sequence[str]]) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Return all files, class by class, and their labels."""
    labels_N = np.repeat(np.arange(len(by_class)), [len(paths) for paths in by_class])
    labels_N.flags.writeable = False
    return tuple(path for paths in by_class for path in paths), labels_N
