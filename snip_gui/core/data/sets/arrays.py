"""Images from NumPy files: an ``.npz``, or a pair of ``.npy`` such as ``X.npy`` and ``y.npy``.

Shapes: N images, C channels, H rows, W columns.
"""

from __future__ import annotations

import zipfile
import zlib
from typing import IO, TYPE_CHECKING, Any, TypeAlias

import numpy as np

from snip_gui.core.base.events import Event, Note, Progress
from snip_gui.core.data.images.image_set import ImageSet, make_image_set
from snip_gui.core.data.sets.array_values import (
    as_bytes,
    channels_first,
    find_labelling,
    find_scale,
    refused,
)
from snip_gui.core.data.sets.parts import fixed_test_part

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    from snip_gui.core.base.cancel import CancelToken

# Name and array of the images, then of their labels.
_Pair: TypeAlias = "tuple[str, NDArray[Any], str, NDArray[Any]]"

_TRAIN_NAMES = (
    ("x_train", "y_train"),
    ("train_x", "train_y"),
    ("train_images", "train_labels"),
    ("x", "y"),
    ("images", "labels"),
    ("data", "labels"),
    ("data", "target"),
)
_TEST_NAMES = (("x_test", "y_test"), ("test_x", "test_y"), ("test_images", "test_labels"))
_HINT = "Name images and labels X and y, images and labels, or x_train, y_train, x_test and y_test."


def load_arrays(path: Path | None, cancel: CancelToken) -> Generator[Event, None, ImageSet]:
    """Read images and labels from NumPy files; yields progress, returns the set.

    Images may be (N, H, W), (N, H, W, 1 or 3) or (N, 1 or 3, H, W) of any integer or float type;
    how they become uint8 is told in a note. Labels are numbers from 0 or 1, names, or one-hot.
    Without test arrays a fixed fifth of each class is for testing. Nothing is ever unpickled.

    Parameters
    ----------
    path
        An ``.npz``, one ``.npy`` of a pair, or a folder that holds such a pair.

    Raises
    ------
    UserError
        If the file cannot be read, or its arrays are no images with labels; the error says which.
    Cancelled
        If cancelled on the way.
    """
    if path is None:
        raise refused("No file of arrays is named.", "Choose an .npz file, or one .npy of a pair.")
    yield Progress(f"Reading {path.name}")
    train, test, unused = _read(path)
    if unused:
        yield Note(f"{path.name}: not used are {', '.join(unused)}.")
    for pair in (train, test):
        if pair is not None:
            _check_pair(pair)
    train_images, both = channels_first(train[0], train[1])
    if both:
        yield Note(both)
    scale = yield from find_scale(train[0], train_images, cancel)
    if scale is not None:
        yield Note(f"{path.name}: {scale.text}")
    labelling = find_labelling(train[2], train[3])
    images_NCHW = yield from as_bytes(train[0], train_images, scale, cancel)
    labels_N = labelling.apply(train[2], train[3])
    if test is None:
        is_test = fixed_test_part(labels_N)
        yield Note(f"{path.name}: a fixed fifth of each class, {is_test.sum():,} images, is for "
                   "testing.")  # fmt: skip
        train_part = images_NCHW[~is_test], labels_N[~is_test]
        test_part = images_NCHW[is_test], labels_N[is_test]
    else:
        test_images, _ = channels_first(test[0], test[1])
        _check_alike(train[0], train_images, test[0], test_images)
        train_part = images_NCHW, labels_N
        test_part = (
            (yield from as_bytes(test[0], test_images, scale, cancel)),
            labelling.apply(test[2], test[3]),
        )
    return make_image_set(
        name="arrays",
        title=f"Arrays “{path.name}”",
        classes=labelling.classes,
        train=train_part,
        test=test_part,
    )


def _check_pair(pair: _Pair) -> None:
    images_name, images, labels_name, labels = pair
    if images.ndim == 0 or labels.ndim == 0 or len(images) != len(labels):
        counts = [len(array) if array.ndim else "no" for array in (images, labels)]
        raise refused(
            f"“{images_name}” holds {counts[0]} images, but “{labels_name}” {counts[1]} labels.",
            "Save one label for each image.",
        )


def _check_alike(train_name: str, train: NDArray[Any], test_name: str, test: NDArray[Any]) -> None:
    """Refuse a test part that is not like the training part: one scale serves both."""
    if train.shape[1:] != test.shape[1:] or train.dtype != test.dtype:
        shapes = ["x".join(map(str, array.shape[1:])) for array in (train, test)]
        raise refused(
            f"Images of “{test_name}” are {shapes[1]} of {test.dtype}, but those of “{train_name}” "
            f"{shapes[0]} of {train.dtype}.",
            "Save both parts alike.",
        )


# Files


def _read(path: Path) -> tuple[_Pair, _Pair | None, list[str]]:
    """Return the training pair, the test pair if there is one, and names that are not used."""
    if path.suffix.lower() == ".npz" and not path.is_dir():
        return _read_npz(path)
    folder = path if path.is_dir() else path.parent
    try:
        files = {file.stem: file for file in folder.iterdir() if file.suffix.lower() == ".npy"}
    except OSError as error:
        raise refused(f"“{folder}” cannot be read: {error.strerror}.", "Choose another.") from error
    if not path.is_dir() and path not in files.values():
        reason = "is no .npz or .npy file" if path.exists() else "is missing"
        raise refused(f"“{path}” {reason}.", "Choose an .npz file, or one .npy of a pair.")
    return _pairs(str(folder), files, lambda name: _load(files[name]), path.stem.lower())


def _read_npz(path: Path) -> tuple[_Pair, _Pair | None, list[str]]:
    with _open(path) as file:
        arrays = _guarded(path, lambda: np.load(file, allow_pickle=False))
        if not isinstance(arrays, np.lib.npyio.NpzFile):
            raise refused(f"“{path}” holds one array without a name.", _HINT)
        with arrays:
            return _pairs(
                str(path), arrays.files, lambda name: _guarded(path, lambda: arrays[name])
            )


def _load(path: Path) -> NDArray[Any]:
    with _open(path) as file:
        array: NDArray[Any] = _guarded(path, lambda: np.load(file, allow_pickle=False))
        return array


def _open(path: Path) -> IO[bytes]:
    """Open a file here: numpy leaves one open that it cannot make out."""
    try:
        return path.open("rb")
    except OSError as error:
        raise refused(f"“{path}” cannot be read: {error.strerror}.", "Choose another.") from error


def _guarded(path: Path, load: Callable[[], Any]) -> Any:  # noqa: ANN401 - what numpy returns
    """Load; what can be wrong with a file is told in words."""
    try:
        loaded = load()
    except MemoryError as error:
        raise refused(
            f"“{path}” does not fit the memory.", "Choose a file with fewer images."
        ) from error
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        if "allow_pickle" not in str(error):
            reason = f"is truncated or damaged: {error}"
        elif "Object arrays" in str(error) or path.read_bytes()[:1] == b"\x80":
            reason = "holds pickled Python objects, which could run anything and are not opened"
        else:
            reason = "is no NumPy file"  # numpy takes whatever it does not know for a pickle
        raise refused(
            f"“{path}” {reason}.",
            "Save plain arrays of numbers: np.savez(file, X=images, y=labels).",
        ) from error
    if not isinstance(loaded, np.ndarray | np.lib.npyio.NpzFile):
        raise refused(f"“{path}” holds something that is no array.", _HINT)
    return loaded


def _pairs(
    where: str, names: Iterable[str], load: Callable[[str], NDArray[Any]], preferred: str = ""
) -> tuple[_Pair, _Pair | None, list[str]]:
    """Choose the arrays by their names, in any case; first the pair with the preferred name."""
    known = {name.lower(): name for name in names}
    by_preference = sorted(_TRAIN_NAMES, key=lambda pair: preferred not in pair)
    train, test = (_chosen(known, table) for table in (by_preference, _TEST_NAMES))
    if train is None:
        found = ", ".join(sorted(known.values())) or "no arrays"
        raise refused(f"“{where}” holds no images with labels; it holds {found}.", _HINT)
    used = (*train, *(test or ()))
    unused = [name for name in known.values() if name not in used]
    pairs = [
        None if pair is None else (pair[0], load(pair[0]), pair[1], load(pair[1]))
        for pair in (train, test)
    ]
    assert pairs[0] is not None
    return pairs[0], pairs[1], unused


def _chosen(known: dict[str, str], table: Iterable[tuple[str, str]]) -> tuple[str, str] | None:
    for images, labels in table:
        if images in known and labels in known:
            return known[images], known[labels]
    return None
