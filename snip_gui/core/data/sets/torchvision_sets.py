"""Data sets in torchvision's layout: MNIST and its relatives are read here, others by torchvision.

torchvision is imported when the first such data set is opened; a failed import (of one built for
another torch, say) affects nothing else.
"""

from __future__ import annotations

import contextlib
import os
import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.errors import UserError
from snip_gui.core.base.files import check_regular, open_regular
from snip_gui.core.base.machine.optional_packages import import_torchvision
from snip_gui.core.data.download.checking import find_wrong
from snip_gui.core.data.download.locating import locate
from snip_gui.core.data.images.image_set import ImageSet, make_image_set

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from snip_gui.core.data.download.sources import Download

_GET_AGAIN = "Choose another folder, or download the data set again."

_IDX_FILES = {  # name: (magic number, number of items, bytes per item)
    "train-images-idx3-ubyte": (2051, 60_000, 784),
    "train-labels-idx1-ubyte": (2049, 60_000, 1),
    "t10k-images-idx3-ubyte": (2051, 10_000, 784),
    "t10k-labels-idx1-ubyte": (2049, 10_000, 1),
}


def load_idx(
    folder: Path | None, class_name: str, name: str, title: str, classes: tuple[str, ...]
) -> ImageSet:
    """Read MNIST or a relative from the folder that contains torchvision's ``MNIST/``.

    Only the files of the original distribution are read, whereas torchvision would prefer any files
    in ``processed/``.

    Parameters
    ----------
    class_name
        torchvision's class, which is also the name of its folder: ``MNIST``, ``FashionMNIST``.

    Raises
    ------
    UserError
        If no folder is given, or a file is missing, truncated or corrupt (the error says which).
    """
    raw = _named(folder, title, f"{class_name}/raw") / class_name / "raw"
    parts = []
    for part in ("train", "t10k"):
        pixels_N = _read_idx(raw / f"{part}-images-idx3-ubyte", class_name)
        path = raw / f"{part}-labels-idx1-ubyte"
        labels_N = _read_idx(path, class_name).astype(np.int64)
        _check_labels(path, labels_N, len(classes))
        parts.append((pixels_N.reshape(-1, 1, 28, 28), labels_N))
    return make_image_set(name=name, title=title, classes=classes, train=parts[0], test=parts[1])


def load_cifar(
    folder: Path | None, class_name: str, inside: str, name: str, title: str, download: Download
) -> ImageSet:
    """Read CIFAR-10 or CIFAR-100 from the folder that contains torchvision's folder.

    Parameters
    ----------
    class_name, inside
        torchvision's class, and its folder: ``CIFAR10``, ``cifar-10-batches-py``.
    download
        The expected files, to tell which one is wrong if reading fails.

    Raises
    ------
    UserError
        If no folder is given, its files are missing or damaged, or torchvision cannot be imported.
    """
    folder = _named(folder, title, inside)
    if not (folder / inside).is_dir():
        raise UserError(
            f"“{folder / inside}” is missing.",
            f"Choose the folder that contains “{inside}” in torchvision's layout, or download "
            "the data set.",
            field="data.name",
        )
    _refuse_special(folder, download)
    with _naming_the_bad_file(folder, title, download):
        train, test = (_read(folder, class_name, title, train=part) for part in (True, False))
    return make_image_set(
        name=name,
        title=title,
        classes=tuple(train.classes),
        train=(_channels_first(train.data), np.asarray(train.targets)),
        test=(_channels_first(test.data), np.asarray(test.targets)),
    )


def load_svhn(folder: Path | None, name: str, title: str, download: Download) -> ImageSet:
    """Read SVHN's training and test parts from the folder that contains ``train_32x32.mat``.

    As in torchvision, the digit 0 has label 0 (10 in the files).

    Raises
    ------
    UserError
        If no folder is given, a file is missing or not the published one, or torchvision or SciPy
        cannot be imported.
    """
    folder = _named(folder, title, "train_32x32.mat")
    try:
        import scipy.io  # noqa: F401 - torchvision imports it late; fail early, with a hint
    except ImportError as error:
        raise UserError(
            f"{title} is kept in MATLAB files, which need SciPy: {error}.",
            "Install it with “pip install 'snip-gui[svhn]'”, then choose the data set again.",
            field="data.name",
        ) from error
    _refuse_special(folder, download)
    with _naming_the_bad_file(folder, title, download):
        train, test = (_read(folder, "SVHN", title, split=part) for part in ("train", "test"))
    return make_image_set(
        name=name,
        title=title,
        classes=tuple("0123456789"),
        train=(train.data, train.labels),
        test=(test.data, test.labels),
    )


def _named(folder: Path | None, title: str, inside: str) -> Path:
    """Return the folder that contains ``inside``; raises `UserError` if none is given."""
    if folder is None:
        raise UserError(
            f"{title} needs a data folder.",
            f"Choose the folder that contains “{inside}” in torchvision's layout, or download "
            "the data set.",
            field="data.name",
        )
    return locate(folder, inside)


def _read(folder: Path, class_name: str, title: str, **part: object) -> Any:  # noqa: ANN401 - torchvision has no types
    """Read one part with torchvision; raises `UserError` if that fails."""
    kind = getattr(import_torchvision("datasets", field="data.name"), class_name)
    try:
        return kind(str(folder), download=False, **part)
    except (OSError, ValueError, RuntimeError, AssertionError, KeyError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(
            f"{title} in “{folder}” cannot be read: {reason}", _GET_AGAIN, field="data.name"
        ) from error


@contextlib.contextmanager
def _naming_the_bad_file(folder: Path, title: str, download: Download) -> Iterator[None]:
    """If reading fails because a file is missing or not the published one, name it."""
    try:
        yield
    except UserError as error:
        parts = tuple(part for file in download.files for part in file.parts)
        wrong = find_wrong(parts, folder, CancelToken())
        if wrong is None:
            raise
        raise UserError(
            f"{title} cannot be read: {wrong[1]}", _GET_AGAIN, field="data.name"
        ) from error


def _check_labels(path: Path, labels_N: NDArray[np.integer], num_classes: int) -> None:
    """Raise `UserError` naming the file if a label is not that of a class."""
    if labels_N.max() >= num_classes:
        raise UserError(
            f"“{path}” is damaged: its labels run from {labels_N.min()} to {labels_N.max()}, but "
            f"there are {num_classes} classes.",
            _GET_AGAIN,
            field="data.name",
        )


def _channels_first(images_NHWC: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return images as (N, C, H, W)."""
    return np.ascontiguousarray(images_NHWC.transpose(0, 3, 1, 2))


def _read_idx(path: Path, class_name: str) -> NDArray[np.uint8]:
    """Return the items of a file; raises `UserError` if it is missing, truncated or corrupt."""
    magic, num_items, item_bytes = _IDX_FILES[path.name]
    header_bytes = 16 if magic == 2051 else 8
    expected_bytes = header_bytes + num_items * item_bytes
    try:
        with open_regular(path) as file:
            size_bytes = file.seek(0, os.SEEK_END)
            file.seek(0)
            data = file.read(expected_bytes)
    except OSError as error:
        zipped = path.with_name(path.name + ".gz")
        more = f" (Unpack “{zipped.name}” beside it.)" if zipped.exists() else ""
        raise UserError(
            f"“{path}” cannot be read: {error.strerror}.",
            f"Choose the folder that contains “{class_name}/raw” with the four files of the "
            f"original distribution, unpacked.{more}",
            field="data.name",
        ) from error
    if size_bytes != expected_bytes:
        state = "truncated" if size_bytes < expected_bytes else "too long"
        raise UserError(
            f"“{path}” is {state}: {size_bytes:,} bytes instead of {expected_bytes:,}.",
            _GET_AGAIN,
            field="data.name",
        )
    if struct.unpack(">II", data[:8]) != (magic, num_items):
        raise UserError(
            f"“{path}” is damaged: it does not start like a {class_name} file.",
            _GET_AGAIN,
            field="data.name",
        )
    return np.frombuffer(data, np.uint8, offset=header_bytes)


def _refuse_special(folder: Path, download: Download) -> None:
    """Raise `UserError` if a file that torchvision would open is not a regular file."""
    for path in (folder / part.path for file in download.files for part in file.parts):
        try:
            check_regular(path)
        except FileNotFoundError:
            continue  # torchvision reports it
        except OSError as error:
            raise UserError(
                f"“{path}” cannot be read: {error.strerror}.", _GET_AGAIN, field="data.name"
            ) from error
