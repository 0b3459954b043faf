"""Metric points of a training run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SplitName: TypeAlias = Literal["train", "validation", "test"]

COLUMNS = ("step", "epoch", "split", "loss", "accuracy", "lr", "seconds", "gradient_norm")
_FIRST_COLUMNS = 7  # those of the earliest runs
_BEYOND = 1e11  # larger than any step, rate or time
_BEYOND_LOSS = 3.5e38  # single precision

T = TypeVar("T", int, float)


def columns(layers: Sequence[str]) -> list[str]:
    """Return the header of ``metrics.csv`` for a network with given layers."""
    return [*COLUMNS, *(f"weight_norm {layer}" for layer in layers)]


def _number(name: str, text: str, kind: Callable[[str], T], *, beyond: float = _BEYOND) -> T:
    """Parse a number that is not negative, infinite or implausibly large."""
    try:
        value = kind(text)
    except ValueError:
        raise ValueError(f"a {name} of “{text[:20]}”") from None
    if not 0 <= value < beyond:
        raise ValueError(f"a {name} of {text[:20]}")
    return value


@dataclass(frozen=True, slots=True)
class MetricPoint:
    """Loss and accuracy at one step.

    Attributes
    ----------
    step
        Completed training steps.
    epoch
        Completed passes over the training images, as a fraction.
    split
        ``train`` is the mean over the batches since the last point, during training.
    loss
        Mean cross-entropy, in nats.
    accuracy
        Fraction of correctly classified images.
    lr
        Learning rate of the last step.
    seconds
        Training time so far, including evaluation.
    gradient_norm
        Euclidean norm of the last step's masked gradient; for ``train`` only.
    weight_norms
        Euclidean norm of each layer's trained weights and biases, in layer order; for ``train``
        only.
    """

    step: int
    epoch: float
    split: SplitName
    loss: float
    accuracy: float
    lr: float
    seconds: float
    gradient_norm: float | None = None
    weight_norms: tuple[float, ...] = ()

    @property
    def error(self) -> float:
        """Fraction of misclassified images."""
        return 1 - self.accuracy

    def row(self) -> list[str]:
        """Return the point as a row of ``metrics.csv``."""
        return [
            str(self.step),
            f"{self.epoch:.4f}",
            self.split,
            f"{self.loss:.6f}",
            f"{self.accuracy:.6f}",
            f"{self.lr:.8g}",
            f"{self.seconds:.3f}",
            "" if self.gradient_norm is None else f"{self.gradient_norm:.6g}",
            *(f"{norm:.6g}" for norm in self.weight_norms),
        ]

    @classmethod
    def from_row(cls, row: list[str]) -> MetricPoint:
        """Parse a row of ``metrics.csv``.

        Raises
        ------
        ValueError
            If it is not a valid row, or contains an impossible number.
        """
        if len(row) < _FIRST_COLUMNS:
            raise ValueError(f"{len(row)} values instead of at least {_FIRST_COLUMNS}")
        name = row[2]
        step = _number("step", row[0], int)
        epoch, accuracy, lr, seconds = (
            _number(COLUMNS[place], row[place], float) for place in (1, 4, 5, 6)
        )
        if accuracy > 1:
            raise ValueError(f"an accuracy of {accuracy:g}")
        loss = _number("loss", row[3], float, beyond=_BEYOND_LOSS)
        later = [float(text) for text in row[_FIRST_COLUMNS:] if text]
        norm, norms = (later[0], tuple(later[1:])) if later else (None, ())
        match name:
            case "train" | "validation" | "test" as split:
                return cls(step, epoch, split, loss, accuracy, lr, seconds, norm, norms)
        raise ValueError(f"an unknown split “{name}”")

    @property
    def is_finite(self) -> bool:
        """Whether the loss is finite."""
        return math.isfinite(self.loss)
