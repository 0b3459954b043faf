"""One measured point of a training."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

SplitName: TypeAlias = Literal["train", "validation", "test"]

COLUMNS = ("step", "epoch", "split", "loss", "accuracy", "lr", "seconds")


@dataclass(frozen=True, slots=True)
class MetricPoint:
    """Loss and accuracy at one step.

    Attributes
    ----------
    step
        Training steps done.
    epoch
        Passes over the training images done, with fraction.
    split
        ``train`` is the mean over the batches since the last point, while the weights moved.
    loss
        Mean cross-entropy, in nats.
    accuracy
        Fraction classified correctly.
    lr
        Learning rate of the last step.
    seconds
        Time trained so far, evaluation included.
    """

    step: int
    epoch: float
    split: SplitName
    loss: float
    accuracy: float
    lr: float
    seconds: float

    @property
    def error(self) -> float:
        """Fraction classified wrongly."""
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
        ]

    @classmethod
    def from_row(cls, row: list[str]) -> MetricPoint:
        """Read a row of ``metrics.csv``; raises `ValueError` if it is none."""
        step, epoch, name, *numbers = row
        loss, accuracy, lr, seconds = (float(number) for number in numbers)
        match name:
            case "train" | "validation" | "test" as split:
                return cls(int(step), float(epoch), split, loss, accuracy, lr, seconds)
        raise ValueError(f"no split {name}")

    @property
    def is_finite(self) -> bool:
        """Whether the loss is a number."""
        return math.isfinite(self.loss)
