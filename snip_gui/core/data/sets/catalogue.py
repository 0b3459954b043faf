"""The catalogue of data sets, one entry each.

Importing this module does not import torch or torchvision.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from snip_gui.core.base.events import Event, Progress
from snip_gui.core.base.registry import Registry, refuse_empty
from snip_gui.core.data.download import sources

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from pathlib import Path

    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.data.download.sources import Download
    from snip_gui.core.data.images.image_set import ImageSet
    from snip_gui.core.data.sets.listing import Listing

Reader: TypeAlias = "Callable[[Path | None, CancelToken], Generator[Event, None, ImageSet]]"
Lister: TypeAlias = "Callable[[Path | None, CancelToken], Listing]"


@dataclass(frozen=True, slots=True)
class DatasetInfo:
    """A data set that can be chosen.

    Attributes
    ----------
    inside
        What the folder or file given by the user must contain; empty if none is needed.
    read
        Reads it, yielding progress and returning the data set; raises `UserError` on failure.
    list_files
        In place of ``read``, for a data set of image files: lists them; raises `UserError` on
        failure.
    download
        Where to download it; None if that is not possible.
    takes
        Whether the user gives a folder or a file.
    """

    name: str
    title: str
    description: str
    inside: str
    read: Reader | None
    list_files: Lister | None = None
    download: Download | None = None
    takes: Literal["folder", "file"] = "folder"

    @property
    def needs_folder(self) -> bool:
        """Whether it is read from a folder or file given by the user."""
        return bool(self.inside)

    @property
    def has_files(self) -> bool:
        """Whether it consists of image files, which are listed, scanned and perhaps streamed."""
        return self.list_files is not None


def _digits() -> DatasetInfo:
    def read(_folder: Path | None, _cancel: CancelToken) -> Generator[Event, None, ImageSet]:
        from snip_gui.core.data.sets.digits import load_digits

        yield Progress("Reading the digits")
        return load_digits()

    return DatasetInfo(
        "digits",
        "UCI digits",
        "Built in: 1,797 handwritten digits, 8x8 enlarged to 28x28; 1,397 for training, 400 for "
        "testing. E. Alpaydin and C. Kaynak, UCI Machine Learning Repository, CC BY 4.0.",
        "",
        read,
    )


def _idx(
    name: str,
    class_name: str,
    title: str,
    what: str,
    download: Download,
    classes: tuple[str, ...] = tuple("0123456789"),
) -> DatasetInfo:
    """Return the entry of MNIST or a relative."""

    def read(folder: Path | None, _cancel: CancelToken) -> Generator[Event, None, ImageSet]:
        from snip_gui.core.data.sets.torchvision_sets import load_idx

        yield Progress(f"Reading {title}")
        return load_idx(folder, class_name, name, title, classes)

    inside = f"{class_name}/raw"
    description = (
        f"70,000 {what}, 28x28; 60,000 for training, 10,000 for testing. Read from a folder in "
        f"torchvision's layout (“{inside}”)."
    )
    return DatasetInfo(name, title, description, inside, read, download=download)


def _cifar(
    name: str, class_name: str, inside: str, title: str, what: str, download: Download
) -> DatasetInfo:
    """Return the entry of a CIFAR data set."""

    def read(folder: Path | None, _cancel: CancelToken) -> Generator[Event, None, ImageSet]:
        from snip_gui.core.data.sets.torchvision_sets import load_cifar

        yield Progress(f"Reading {title}")
        return load_cifar(folder, class_name, inside, name, title, download)

    description = (
        f"60,000 colour photographs in {what}, 32x32; 50,000 for training, 10,000 for testing. "
        f"Read from a folder in torchvision's layout (“{inside}”)."
    )
    return DatasetInfo(name, title, description, inside, read, download=download)


def _svhn() -> DatasetInfo:
    name, title, download = "svhn", "SVHN", sources.SVHN

    def read(folder: Path | None, _cancel: CancelToken) -> Generator[Event, None, ImageSet]:
        from snip_gui.core.data.sets.torchvision_sets import load_svhn

        yield Progress(f"Reading {title}")
        return load_svhn(folder, name, title, download)

    return DatasetInfo(
        name,
        title,
        "99,289 colour photographs of house numbers, one digit each, 32x32; 73,257 for training, "
        "26,032 for testing. Read from a folder that contains “train_32x32.mat” and "
        "“test_32x32.mat”; needs SciPy.",
        "train_32x32.mat",
        read,
        download=download,
    )


def _folder() -> DatasetInfo:
    def list_files(folder: Path | None, cancel: CancelToken) -> Listing:
        from snip_gui.core.data.sets.listing import list_folder

        return list_folder(folder, cancel)

    return DatasetInfo(
        "folder",
        "Folder of images",
        "Your own images: a folder with “train” and “test” in any spelling (“val” where there is "
        "no test part), or one folder (a fifth is then for testing), with a folder for each class "
        "inside.",
        "train/",
        None,
        list_files,
    )


def _tiny_imagenet() -> DatasetInfo:
    def list_files(folder: Path | None, cancel: CancelToken) -> Listing:
        from snip_gui.core.data.sets.tiny_imagenet import list_tiny_imagenet

        return list_tiny_imagenet(folder, cancel)

    return DatasetInfo(
        "tiny-imagenet",
        "Tiny-ImageNet",
        "110,000 colour photographs in 200 classes, 64x64; 100,000 for training, the 10,000 of "
        "the validation set for testing. Read in its original layout (“tiny-imagenet-200”).",
        "tiny-imagenet-200",
        None,
        list_files,
        download=sources.TINY_IMAGENET,
    )


def _arrays() -> DatasetInfo:
    def read(path: Path | None, cancel: CancelToken) -> Generator[Event, None, ImageSet]:
        from snip_gui.core.data.sets.arrays import load_arrays

        return (yield from load_arrays(path, cancel))

    return DatasetInfo(
        "arrays",
        "NumPy arrays",
        "Your own images: an .npz with X and y (or x_train, y_train, x_test, y_test), or X.npy "
        "with y.npy beside it. Grey or colour, integers or floats; without a test part, a fifth "
        "is used for testing.",
        "X and y",
        read,
        takes="file",
    )


def _check(dataset: DatasetInfo, _others: Sequence[DatasetInfo]) -> None:
    """Raise if an entry that a package adds is not a readable data set."""
    if not isinstance(dataset, DatasetInfo):
        raise TypeError(f"{dataset!r} is not a DatasetInfo")
    if (dataset.read is None) == (dataset.list_files is None):
        raise ValueError("it needs either a function that reads it or one that lists its files")
    refuse_empty(dataset, "title", "description")


DATASETS: Registry[DatasetInfo] = Registry(
    "data set",
    "data.name",
    [
        _digits(),
        _idx("mnist", "MNIST", "MNIST", "handwritten digits", sources.MNIST),
        _idx(
            "fashion-mnist",
            "FashionMNIST",
            "Fashion-MNIST",
            "images of clothing",
            sources.FASHION_MNIST,
            (
                "T-shirt/top",
                "Trouser",
                "Pullover",
                "Dress",
                "Coat",
                "Sandal",
                "Shirt",
                "Sneaker",
                "Bag",
                "Ankle boot",
            ),
        ),
        _idx(
            "kmnist",
            "KMNIST",
            "KMNIST",
            "handwritten Japanese characters",
            sources.KMNIST,
            ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
        ),
        _cifar(
            "cifar-10",
            "CIFAR10",
            "cifar-10-batches-py",
            "CIFAR-10",
            "ten classes",
            sources.CIFAR_10,
        ),
        _cifar(
            "cifar-100",
            "CIFAR100",
            "cifar-100-python",
            "CIFAR-100",
            "a hundred classes",
            sources.CIFAR_100,
        ),
        _svhn(),
        _tiny_imagenet(),
        _folder(),
        _arrays(),
    ],
    plugins="snip_gui.datasets",
    check=_check,
)


def dataset_title(name: str) -> str:
    """Return the title of a data set; its name if its package cannot be used."""
    return DATASETS[name].title if name in DATASETS.names else name
