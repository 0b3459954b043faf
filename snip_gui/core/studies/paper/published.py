"""Test errors that the paper and its reproductions published, as fractions.

They are copied as printed, so that a test error of ours can stand beside them. No torch.
"""

from __future__ import annotations

import csv
import functools

from snip_gui.core.base.resources import resource
from snip_gui.core.studies.errors import Published

PAPER = "paper"
AYGONG = "aygong/snip-tensorflow"
CHALLENGE = "ICLR reproducibility challenge 2019, no. 130"

TABLE_1 = {
    "lenet-300-100": {0.0: 0.017, 0.95: 0.016, 0.98: 0.024},
    "lenet-5-caffe": {0.0: 0.009, 0.98: 0.008, 0.99: 0.011},
}
"""Table 1, by network and sparsity."""

TABLE_2 = {
    "alexnet-s": (0.90, 0.1412, 0.1499),
    "alexnet-b": (0.90, 0.1392, 0.1450),
    "vgg-c": (0.95, 0.0682, 0.0727),
    "vgg-d": (0.95, 0.0676, 0.0709),
    "vgg-like": (0.97, 0.0826, 0.0800),
    "wrn-16-8": (0.95, 0.0621, 0.0663),
    "wrn-16-10": (0.95, 0.0591, 0.0643),
    "wrn-22-8": (0.95, 0.0614, 0.0585),
    "lstm-s": (0.95, 0.0188, 0.0157),
    "lstm-b": (0.95, 0.0115, 0.0135),
    "gru-s": (0.95, 0.0187, 0.0241),
    "gru-b": (0.95, 0.0171, 0.0152),
}
"""Table 2, by network: sparsity, error unpruned and pruned; sequential MNIST for LSTM and GRU,
otherwise CIFAR-10."""

REPRODUCED: dict[str, dict[float, tuple[tuple[float, str], ...]]] = {
    "lenet-300-100": {
        0.0: ((0.0133, AYGONG), (0.0130, CHALLENGE)),
        0.5: ((0.0146, CHALLENGE),),
        0.9: ((0.0237, AYGONG),),
        0.95: ((0.0216, CHALLENGE),),
    },
    "lenet-5-caffe": {0.0: ((0.0094, AYGONG),), 0.9: ((0.0125, AYGONG),)},
    "vgg-c": {0.0: ((0.0756, AYGONG),)},
    "vgg-d": {0.0: ((0.0718, AYGONG),)},
}
"""What others measured who repeated the paper's experiments, by network and sparsity: on MNIST for
the LeNets, on CIFAR-10 for the VGGs."""

FIGURE_3 = {1: 0.0194, 10: 0.0172, 100: 0.0164, 1000: 0.0156, 10_000: 0.0140}
"""Figure 3, by size of the minibatch: LeNet-300-100 on MNIST at 90 %."""

REPRODUCED_SIZES = {1: 0.0273, 10: 0.0239, 100: 0.0223, 1000: 0.0230, 10_000: 0.0224}
"""The same by aygong/snip-tensorflow, ten seeds."""

TILE_MEANS = {
    (2, "mnist"): (0.922, 0.842, 0.765, 0.687, 0.603, 0.514, 0.416, 0.307, 0.180),
    (2, "fashion-mnist"): (0.950, 0.904, 0.862, 0.814, 0.766, 0.709, 0.640, 0.558, 0.421),
    (6, "mnist"): (0.907, 0.814, 0.777, 0.805, 0.879, 0.807, 0.649, 0.473, 0.276),
}
"""Mean of the tiles of figures 2 and 6, each divided by its maximum, by figure and data set: for
sparsities from 10 % to 90 %, computed from the images in the PDF."""

TABLE_3 = {
    "lenet-300-100": {"glorot": 0.0191, "he": 0.0188},
    "lenet-5-caffe": {"glorot": 0.0088, "he": 0.0085},
    "lstm-s": {"glorot": 0.0148, "he": 0.0147},
    "gru-s": {"glorot": 0.0180, "he": 0.0180},
}
"""Table 3, by network and initialisation while scoring: at 90 %, Adam, 20 seeds."""


@functools.cache
def figure_1(network: str) -> dict[float, float]:
    """Return the mean errors of figure 1 by sparsity; empty for other networks than its two."""
    found: dict[float, list[float]] = {}
    with resource("reference", "figure1.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(line for line in file if not line.startswith("#")):
            if row["network"].lower() == network:
                sparsity = round(float(row["sparsity_percent"]) / 100, 4)
                found.setdefault(sparsity, []).append(float(row["test_error_percent"]) / 100)
    return {sparsity: sum(errors) / len(errors) for sparsity, errors in found.items()}


def reproduced(network: str, sparsity: float) -> tuple[Published, ...]:
    """Return what others measured of a network of the paper at a sparsity; empty for nothing."""
    found = REPRODUCED.get(network, {}).get(sparsity, ())
    return tuple(Published(error, source, is_reproduction=True) for error, source in found)


def from_paper(error: float | None, where: str) -> tuple[Published, ...]:
    """Return an error of the paper with the place where it is printed; empty for None."""
    return () if error is None else (Published(error, f"{PAPER}, {where}"),)
