"""Data sets read through torchvision; the only module that imports it.

torchvision is imported when the first such set is opened, and one that cannot be imported (it was
built for another torch, say) spoils nothing else.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from snip_gui.core.data.image_set import ImageSet, make_image_set
from snip_gui.core.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

_MNIST_FILES = {  # name: (magic number, number of items, bytes per item)
    "train-images-idx3-ubyte": (2051, 60_000, 784),
    "train-labels-idx1-ubyte": (2049, 60_000, 1),
    "t10k-images-idx3-ubyte": (2051, 10_000, 784),
    "t10k-labels-idx1-ubyte": (2049, 10_000, 1),
}


def load_mnist(folder: Path | None) -> ImageSet:
    """Read MNIST from the folder that contains torchvision's ``MNIST/``.

    Raises
    ------
    UserError
        If no folder is named, a file is missing, truncated or corrupt (the error says which), or
        torchvision cannot be imported.
    """
    if folder is None:
        raise UserError(
            "MNIST needs a data folder.",
            "Choose the folder that contains “MNIST/raw”, as torchvision lays it out.",
            field="data.name",
        )
    for name, expected in _MNIST_FILES.items():
        _check_idx_file(folder / "MNIST" / "raw" / name, *expected)
    datasets = _import_datasets()
    try:
        train = datasets.MNIST(str(folder), train=True, download=False)
        test = datasets.MNIST(str(folder), train=False, download=False)
    except (OSError, ValueError, RuntimeError, AssertionError) as error:
        raise UserError(
            f"MNIST in “{folder}” cannot be read: {error}.",
            "Get the files again, for instance with torchvision.datasets.MNIST(download=True).",
            field="data.name",
        ) from error
    return make_image_set(
        name="mnist",
        title="MNIST",
        classes=tuple(str(digit) for digit in range(10)),
        train=(train.data.numpy()[:, None], train.targets.numpy()),
        test=(test.data.numpy()[:, None], test.targets.numpy()),
    )


def _import_datasets() -> Any:  # noqa: ANN401 - torchvision has no types
    """Import ``torchvision.datasets``; raises `UserError` with the remedy."""
    try:
        from torchvision import datasets
    except (ImportError, RuntimeError, OSError) as error:
        raise UserError(
            f"torchvision cannot be imported: {error}.",
            "Install torch and torchvision together from the same index (“pip install --upgrade "
            "torch torchvision”). The built-in digits work without it.",
            field="data.name",
        ) from error
    return datasets


def _check_idx_file(path: Path, magic: int, num_items: int, item_bytes: int) -> None:
    """Raise a `UserError` that says which file is missing, truncated or corrupt."""
    try:
        with path.open("rb") as file:
            header = file.read(16)
        size_bytes = path.stat().st_size
    except OSError as error:
        zipped = path.with_name(path.name + ".gz")
        more = f" (Unpack “{zipped.name}” beside it.)" if zipped.exists() else ""
        raise UserError(
            f"“{path}” cannot be read: {error.strerror}.",
            "Choose the folder that contains “MNIST/raw” with the four files of the original "
            f"distribution, unpacked.{more}",
            field="data.name",
        ) from error
    header_bytes = 16 if magic == 2051 else 8
    expected_bytes = header_bytes + num_items * item_bytes
    if size_bytes != expected_bytes:
        state = "truncated" if size_bytes < expected_bytes else "too long"
        raise UserError(
            f"“{path}” is {state}: {size_bytes:,} bytes instead of {expected_bytes:,}.",
            "Get this file again from the source.",
            field="data.name",
        )
    if struct.unpack(">II", header[:8]) != (magic, num_items):
        raise UserError(
            f"“{path}” is corrupt: it does not begin as a file of MNIST does.",
            "Get this file again from the source.",
            field="data.name",
        )
