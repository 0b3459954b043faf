"""The data sets there are: one row each, so that another is a few lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from snip_gui.core.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from snip_gui.core.data.image_set import ImageSet


@dataclass(frozen=True, slots=True)
class DatasetInfo:
    """A data set that can be chosen.

    Attributes
    ----------
    needs_folder
        Whether its files lie in a folder that the user names.
    load
        Reads it; raises `UserError` if that cannot be done.
    """

    name: str
    title: str
    description: str
    needs_folder: bool
    load: Callable[[Path | None], ImageSet]


def _load_digits(_folder: Path | None) -> ImageSet:
    from snip_gui.core.data.digits import load_digits

    return load_digits()


def _load_mnist(folder: Path | None) -> ImageSet:
    # Here, so that the window can list the data sets without importing torch.
    from snip_gui.core.data.torchvision_sets import load_mnist

    return load_mnist(folder)


DATASETS: Registry[DatasetInfo] = Registry(
    "data set",
    "data.name",
    [
        DatasetInfo(
            "digits",
            "UCI digits",
            "Built in: 1,797 handwritten digits, 8x8 enlarged to 28x28; 1,397 for training, 400 "
            "for testing. E. Alpaydin and C. Kaynak, UCI Machine Learning Repository, CC BY 4.0.",
            False,
            _load_digits,
        ),
        DatasetInfo(
            "mnist",
            "MNIST",
            "70,000 handwritten digits, 28x28; 60,000 for training, 10,000 for testing. Read from "
            "a folder in torchvision's layout (“MNIST/raw”).",
            True,
            _load_mnist,
        ),
    ],
)
