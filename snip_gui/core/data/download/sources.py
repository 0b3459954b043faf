"""Sources of published data sets: addresses, sizes, hashes and the resulting files.

Data only; `snip_gui.core.data.download.fetch` downloads them. Imports no torch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Part:
    """A required file, with its expected size and hash.

    Attributes
    ----------
    path
        Relative to the data folder, with ``/``.
    """

    path: str
    size_bytes: int | None = None
    md5: str = ""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file to download.

    Attributes
    ----------
    urls
        The source and its mirrors, in order of preference.
    size_bytes
        Size of the download; None if the source does not state it.
    into
        Subfolder of the data folder to unpack it into; empty for the data folder itself.
    parts
        Files that must exist after unpacking (``.gz``, ``.tar.gz`` and ``.zip`` are unpacked).
    """

    urls: tuple[str, ...]
    md5: str
    size_bytes: int | None
    into: str
    parts: tuple[Part, ...]

    @property
    def name(self) -> str:
        """Name of the downloaded file."""
        return self.urls[0].rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Download:
    """The download of a data set.

    Attributes
    ----------
    page
        URL of its home page.
    terms
        Citation and licence, as far as the source states them.
    """

    page: str
    terms: str
    files: tuple[RemoteFile, ...] = field(default=())

    @property
    def size_bytes(self) -> int | None:
        """Total size of all files; None if that of one is unknown."""
        sizes = [file.size_bytes for file in self.files]
        return None if None in sizes else sum(size for size in sizes if size is not None)

    @property
    def size_text(self) -> str:
        """The size, for display."""
        size = self.size_bytes
        total = "size unknown" if size is None else f"{size / 1e6:.1f} MB"
        number = len(self.files)
        return f"{total} in {number} files" if number > 1 else total

    @property
    def hosts(self) -> tuple[str, ...]:
        """Names of the servers, mirrors included, each once."""
        names = [urlsplit(url).netloc for file in self.files for url in file.urls]
        return tuple(dict.fromkeys(names))


class Downloadable(Protocol):
    """Something that may be downloadable, if ``download`` is not None."""

    @property
    def name(self) -> str:
        """Name in recipes."""

    @property
    def title(self) -> str:
        """Name to display."""

    @property
    def download(self) -> Download | None:
        """Where to download it; None if that is not possible."""


def _idx(
    into: str, mirrors: tuple[str, ...], files: tuple[tuple[str, int, str, int], ...]
) -> tuple[RemoteFile, ...]:
    """Return MNIST-like files from the name, packed size, packed hash and unpacked size of each."""
    return tuple(
        RemoteFile(
            tuple(f"{mirror}{name}.gz" for mirror in mirrors),
            md5,
            size,
            into,
            (Part(f"{into}/{name}", unpacked),),
        )
        for name, size, md5, unpacked in files
    )


_TRAIN_IMAGES, _TRAIN_LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
_TEST_IMAGES, _TEST_LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"

MNIST = Download(
    "http://yann.lecun.com/exdb/mnist/",
    "Y. LeCun, C. Cortes and C. J. C. Burges, The MNIST database of handwritten digits.",
    _idx(
        "MNIST/raw",
        (
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "http://yann.lecun.com/exdb/mnist/",
        ),
        (
            (_TRAIN_IMAGES, 9_912_422, "f68b3c2dcbeaaa9fbdd348bbdeb94873", 47_040_016),
            (_TRAIN_LABELS, 28_881, "d53e105ee54ea40749a09fcbcd1e9432", 60_008),
            (_TEST_IMAGES, 1_648_877, "9fb629c4189551a2d022fa330f9573f3", 7_840_016),
            (_TEST_LABELS, 4_542, "ec29112dd5afa0611ce80d1b7f02629c", 10_008),
        ),
    ),
)

FASHION_MNIST = Download(
    "https://github.com/zalandoresearch/fashion-mnist",
    "H. Xiao, K. Rasul and R. Vollgraf, 2017; MIT licence.",
    _idx(
        "FashionMNIST/raw",
        ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",),
        (
            (_TRAIN_IMAGES, 26_421_880, "8d4fb7e6c68d591d4c3dfef9ec88bf0d", 47_040_016),
            (_TRAIN_LABELS, 29_515, "25c81989df183df01b3e8a0aad5dffbe", 60_008),
            (_TEST_IMAGES, 4_422_102, "bef4ecab320f06d8554ea6380940ec79", 7_840_016),
            (_TEST_LABELS, 5_148, "bb300cfdad3c16e7a12a480ee83cd310", 10_008),
        ),
    ),
)

KMNIST = Download(
    "http://codh.rois.ac.jp/kmnist/",
    "KMNIST Dataset, created by CODH, adapted from the Kuzushiji Dataset of NIJL and others, "
    "doi:10.20676/00000341; CC BY-SA 4.0.",
    _idx(
        "KMNIST/raw",
        ("http://codh.rois.ac.jp/kmnist/dataset/kmnist/",),
        (
            (_TRAIN_IMAGES, 18_165_135, "bdb82020997e1d708af4cf47b453dcf7", 47_040_016),
            (_TRAIN_LABELS, 29_497, "e144d726b3acfaa3e44228e80efcd344", 60_008),
            (_TEST_IMAGES, 3_041_136, "5c965bf0a639b31b8f53240b1b52f4d7", 7_840_016),
            (_TEST_LABELS, 5_120, "7320c461ea6c1c855c0b718fb2a4b134", 10_008),
        ),
    ),
)

_CIFAR_PAGE = "https://www.cs.toronto.edu/~kriz/cifar.html"
_CIFAR_TERMS = "A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009."

CIFAR_10 = Download(
    _CIFAR_PAGE,
    _CIFAR_TERMS,
    (
        RemoteFile(
            ("https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",),
            "c58f30108f718f92721af3b95e74349a",
            170_498_071,
            "",
            tuple(
                Part(f"cifar-10-batches-py/{name}", md5=md5)
                for name, md5 in (
                    ("data_batch_1", "c99cafc152244af753f735de768cd75f"),
                    ("data_batch_2", "d4bba439e000b95fd0a9bffe97cbabec"),
                    ("data_batch_3", "54ebc095f3ab1f0389bbae665268c751"),
                    ("data_batch_4", "634d18415352ddfa80567beed471001a"),
                    ("data_batch_5", "482c414d41f54cd18b22e5b47cb7c3cb"),
                    ("test_batch", "40351d587109b95175f43aff81a1287e"),
                    ("batches.meta", "5ff9c542aee3614f3951f8cda6e48888"),
                )
            ),
        ),
    ),
)

CIFAR_100 = Download(
    _CIFAR_PAGE,
    _CIFAR_TERMS,
    (
        RemoteFile(
            ("https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",),
            "eb9058c3a382ffc7106e4002c42a8d85",
            169_001_437,
            "",
            (
                Part("cifar-100-python/train", md5="16019d7e3df5f24257cddd939b257f8d"),
                Part("cifar-100-python/test", md5="f0ef6b0ae62326f3e7ffdfab6717acfc"),
                Part("cifar-100-python/meta", md5="7973b15100ade9c7d40fb424638fde48"),
            ),
        ),
    ),
)


def _svhn(name: str, size_bytes: int, md5: str) -> RemoteFile:
    url = f"http://ufldl.stanford.edu/housenumbers/{name}"
    return RemoteFile((url,), md5, size_bytes, "", (Part(name, size_bytes, md5),))


SVHN = Download(
    "http://ufldl.stanford.edu/housenumbers/",
    "Y. Netzer et al., Reading Digits in Natural Images with Unsupervised Feature Learning, 2011; "
    "for non-commercial use only.",
    (
        _svhn("train_32x32.mat", 182_040_794, "e26dedcc434d2e4c54c9b2d4a06d8373"),
        _svhn("test_32x32.mat", 64_275_384, "eb5a983be6a315427106f1b164d9cef3"),
    ),
)

TINY_IMAGENET = Download(
    "http://cs231n.stanford.edu/",
    "Stanford CS231n, 200 classes of ImageNet.",
    (
        RemoteFile(
            ("http://cs231n.stanford.edu/tiny-imagenet-200.zip",),
            "90528d7ca1a48142e341f4ef8d21d0de",
            248_100_043,
            "",
            (
                Part("tiny-imagenet-200/wnids.txt"),
                Part("tiny-imagenet-200/words.txt"),
                Part("tiny-imagenet-200/val/val_annotations.txt"),
                Part("tiny-imagenet-200/train"),
            ),
        ),
    ),
)
