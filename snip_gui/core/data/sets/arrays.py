"""Images from NumPy files: an ``.npz``, or a pair of ``.npy`` like ``X.npy`` and ``y.npy``.

Shapes: N images, C channels, H rows, W columns.
"""

from __future__ import annotations

import contextlib
import functools
import lzma
import math
import tokenize
import zipfile
import zlib
from typing import IO, TYPE_CHECKING, Any, TypeAlias

import numpy as np

from snip_gui.core.base.environment import available_memory
from snip_gui.core.base.events import Event, Note, Progress
from snip_gui.core.base.files import open_regular
from snip_gui.core.base.text import size_text
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
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
    from io import BufferedReader
    from pathlib import Path

    from numpy.typing import NDArray

    from snip_gui.core.base.cancel import CancelToken

# Name and array of the images, then of the labels.
_Pair: TypeAlias = "tuple[str, NDArray[Any], str, NDArray[Any]]"
# The file that contains an array, and a function that opens it.
_Member: TypeAlias = "tuple[Path, Callable[[], IO[bytes]]]"

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
_NPY = b"\x93NUMPY"
_HEADERS: dict[tuple[int, ...], Callable[[IO[bytes]], Any]] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
_COPIES = 2
# An archive may also be encrypted, use an unknown compression, or be nested too deeply.
_DAMAGE = (OSError, ValueError, EOFError, RuntimeError, OverflowError, zipfile.BadZipFile,
           zlib.error, lzma.LZMAError)  # fmt: skip
_PICKLED = "holds pickled Python objects, which could run arbitrary code and are not opened"
_SAVE = "Save plain arrays of numbers: np.savez(file, X=images, y=labels)."
_HINT = "Name images and labels X and y, images and labels, or x_train, y_train, x_test and y_test."


def load_arrays(path: Path | None, cancel: CancelToken) -> Generator[Event, None, ImageSet]:
    """Read images and labels from NumPy files; yields progress, returns the set.

    Images may be (N, H, W), (N, H, W, 1 or 3) or (N, 1 or 3, H, W) of any integer or float type; a
    note reports how they are converted to uint8. Labels are numbers from 0 or 1, names, or one-hot.
    Without test arrays, a fixed fifth of each class is used for testing. Nothing is unpickled.

    Parameters
    ----------
    path
        An ``.npz``, one ``.npy`` of a pair, or a folder with such a pair.

    Raises
    ------
    UserError
        If the file cannot be read, or its arrays are not images and labels; the error says which.
    Cancelled
        If cancelled meanwhile.
    """
    if path is None:
        raise refused(
            "No array file is chosen.", "Choose an .npz file, or one .npy file of a pair."
        )
    yield Progress(f"Reading {path.name}")
    train, test, unused = _read(path)
    if unused:
        yield Note(f"{path.name}: ignored {', '.join(unused)}.")
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
        yield Note(f"{path.name}: a fixed fifth of each class, {is_test.sum():,} images, is used "
                   "for testing.")  # fmt: skip
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
            "Save one label per image.",
        )


def _check_alike(train_name: str, train: NDArray[Any], test_name: str, test: NDArray[Any]) -> None:
    """Refuse test arrays unlike the training arrays: one scale serves both."""
    if train.shape[1:] != test.shape[1:] or train.dtype != test.dtype:
        shapes = ["x".join(map(str, array.shape[1:])) for array in (train, test)]
        raise refused(
            f"Images of “{test_name}” are {shapes[1]} of {test.dtype}, but those of “{train_name}” "
            f"{shapes[0]} of {train.dtype}.",
            "Save both parts in the same format.",
        )


# Files


def _read(path: Path) -> tuple[_Pair, _Pair | None, list[str]]:
    """Return the training pair, the test pair if there is one, and the names of unused arrays."""
    if path.suffix.lower() == ".npz" and not path.is_dir():
        return _read_npz(path)
    folder = path if path.is_dir() else path.parent
    try:
        files = {file.stem: file for file in folder.iterdir() if file.suffix.lower() == ".npy"}
    except OSError as error:
        raise refused(
            f"“{folder}” cannot be read: {error.strerror}.", "Choose another file."
        ) from error
    if not path.is_dir() and path not in files.values():
        reason = "is not an .npz or .npy file" if path.exists() else "is missing"
        raise refused(f"“{path}” {reason}.", "Choose an .npz file, or one .npy file of a pair.")
    members = {name: (file, functools.partial(_open, file)) for name, file in files.items()}
    return _pairs(folder, members, path.stem.lower())


def _read_npz(path: Path) -> tuple[_Pair, _Pair | None, list[str]]:
    with _open(path) as file:
        if file.peek(len(_NPY))[: len(_NPY)] == _NPY:
            raise refused(f"“{path}” holds one array without a name.", _HINT)
        with _guarding(path), zipfile.ZipFile(file) as archive:
            members = {
                name.removesuffix(".npy"): (path, functools.partial(archive.open, name))
                for name in archive.namelist()
            }
            return _pairs(path, members)


def _open(path: Path) -> BufferedReader:
    """Open a file that has NumPy's magic number."""
    try:
        file = open_regular(path)
    except OSError as error:
        raise refused(
            f"“{path}” cannot be read: {error.strerror}.", "Choose another file."
        ) from error
    head = file.peek(len(_NPY))
    if not head or head.startswith((_NPY, b"PK")):
        return file
    file.close()
    is_pickle = head.startswith(b"\x80")
    raise refused(f"“{path}” {_PICKLED if is_pickle else 'is not a NumPy file'}.", _SAVE)


@contextlib.contextmanager
def _guarding(path: Path) -> Iterator[None]:
    """Turn exceptions of reading a file into errors for the user."""
    try:
        yield
    except MemoryError as error:
        raise refused(
            f"“{path}” does not fit in memory.", "Choose a file with fewer images."
        ) from error
    except _DAMAGE as error:
        reason = _PICKLED if "Object arrays" in str(error) else f"is truncated or damaged: {error}"
        raise refused(f"“{path}” {reason}.", _SAVE) from error


def _refuse_without_room(where: Path, members: Iterable[_Member]) -> None:
    """Raise `UserError` unless all arrays to be read fit in memory together.

    Judged by the sizes in their headers, before anything is allocated: a small archive may expand
    to a huge array.
    """
    needed_bytes = 0
    for path, opened in members:
        with _guarding(path), opened() as stream:
            shape, dtype = _claimed(path, stream)
        # uint8 copies are made of all images, and then of each part.
        needed_bytes += math.prod(shape) * (dtype.itemsize + _COPIES)
    free_bytes = available_memory()
    if needed_bytes > free_bytes:
        raise refused(
            f"“{where}” needs {size_text(needed_bytes)} of memory, but {size_text(free_bytes)} are "
            "free.",
            "Choose a file with fewer images, or close other programs.",
        )


def _claimed(path: Path, stream: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Return the shape and type in the header of an array."""
    if stream.read(len(_NPY)) != _NPY:
        raise refused(f"“{path}” holds something that is not an array.", _HINT)
    version = tuple(stream.read(2))
    if version not in _HEADERS:
        raise ValueError("the version of an array is unknown")
    try:
        shape, _, dtype = _HEADERS[version](stream)
    except (TypeError, SyntaxError, MemoryError, RecursionError, tokenize.TokenError) as error:
        raise ValueError("the header of an array is invalid") from error
    if min(shape, default=0) < 0:
        raise ValueError(f"an array has the shape {shape}")
    return shape, dtype


def _load(member: _Member) -> NDArray[Any]:
    path, opened = member
    with _guarding(path), opened() as stream:
        array: NDArray[Any] = np.lib.format.read_array(stream, allow_pickle=False)
        return array


def _pairs(
    where: Path, members: Mapping[str, _Member], preferred: str = ""
) -> tuple[_Pair, _Pair | None, list[str]]:
    """Choose the arrays by name, ignoring case; a pair with the preferred name comes first."""
    known = {name.lower(): name for name in members}
    by_preference = sorted(_TRAIN_NAMES, key=lambda pair: preferred not in pair)
    train, test = (_chosen(known, table) for table in (by_preference, _TEST_NAMES))
    if train is None:
        found = ", ".join(sorted(known.values())) or "no arrays"
        raise refused(f"“{where}” holds no images with labels; it holds {found}.", _HINT)
    used = (*train, *(test or ()))
    _refuse_without_room(where, (members[name] for name in used))

    def load(pair: tuple[str, str]) -> _Pair:
        images, labels = pair
        return images, _load(members[images]), labels, _load(members[labels])

    unused = [name for name in known.values() if name not in used]
    return load(train), None if test is None else load(test), unused


def _chosen(known: dict[str, str], table: Iterable[tuple[str, str]]) -> tuple[str, str] | None:
    for images, labels in table:
        if images in known and labels in known:
            return known[images], known[labels]
    return None
