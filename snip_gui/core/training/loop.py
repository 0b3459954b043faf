"""The training loop: stochastic gradient descent under a mask (paper, section 5).

Shapes: N training images, B of a batch, C channels, H rows, W columns, K classes.
"""

from __future__ import annotations

import math
import operator
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import nn

from snip_gui.core.errors import DivergedError
from snip_gui.core.pruning.parameters import prunable_parameters
from snip_gui.core.seeding import stream_seed
from snip_gui.core.training.metrics import MetricPoint, SplitName
from snip_gui.core.training.schedules import learning_rate_at

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from torch import Tensor

    from snip_gui.core.data.batches import Batches
    from snip_gui.core.pruning.masked_model import MaskedModel
    from snip_gui.core.pruning.shrinking import Shrunk
    from snip_gui.core.recipe import Training

_EVALUATION_BATCH = 1000
_POINTS_PER_EPOCH = 20


@dataclass
class Trainer:
    """A training that can be stopped between any two steps and taken up again.

    The order of the images follows from the seed and the epoch alone, so beside the weights and the
    optimizer the number of steps done says all about where it stands.

    Attributes
    ----------
    masked
        The whole network. Its weights are those trained once `put_back` has been called, which the
        end of a run does.
    shrunk
        The small network that is trained in its place, if any; see `use`.
    evaluated_at
        Step at which the held-out splits were last measured.
    """

    masked: MaskedModel
    train: Batches
    held_out: dict[SplitName, Batches]
    training: Training
    seed: int
    step: int = 0
    seconds: float = 0.0
    evaluated_at: int = -1
    shrunk: Shrunk | None = field(init=False, default=None)
    optimizer: torch.optim.SGD = field(init=False)

    def __post_init__(self) -> None:
        self.optimizer = make_optimizer(self.masked, self.training)

    def use(self, shrunk: Shrunk) -> None:
        """Train a small network in place of the whole one; call before the first step."""
        self.shrunk = shrunk
        self.optimizer = make_optimizer(shrunk.small, self.training)
        if shrunk.pixels is not None:
            self.train = self.train.with_pixels(shrunk.pixels)
            self.held_out = {s: b.with_pixels(shrunk.pixels) for s, b in self.held_out.items()}

    def to_channels_last(self) -> None:
        """Train with maps and kernels in that layout; call before the first step."""
        self.trained.to_channels_last()
        self.optimizer = make_optimizer(self.trained, self.training)

    @property
    def trained(self) -> MaskedModel:
        """The network whose weights the steps move."""
        return self.masked if self.shrunk is None else self.shrunk.small

    def put_back(self) -> None:
        """Write what was trained into the whole network."""
        if self.shrunk is not None:
            self.shrunk.put_back()

    @property
    def steps_per_epoch(self) -> int:
        """Steps of one pass over the training images; the last batch may be smaller."""
        return math.ceil(len(self.train) / self.training.batch_size)

    @property
    def num_steps(self) -> int:
        """Steps of the whole run."""
        return self.training.epochs * self.steps_per_epoch

    def run(self) -> Iterator[list[MetricPoint]]:
        """Train to the end, yielding between steps.

        Yields
        ------
        list of MetricPoint
            After every step, and every batch of an evaluation, what was measured since, mostly
            nothing: training points some twenty times an epoch, the held-out splits at the start
            and after each epoch.

        Raises
        ------
        DivergedError
            If a loss or a weight is no longer a finite number; all points before were yielded.
        """
        if self.step % self.steps_per_epoch == 0 and self.evaluated_at != self.step:
            yield from self._evaluate()
        interval = max(1, self.steps_per_epoch // _POINTS_PER_EPOCH)
        sums = _Sums()
        while self.step < self.num_steps:
            epoch, first = divmod(self.step, self.steps_per_epoch)
            order_N = self._order_of(epoch)
            batches = self.train.batches(order_N, self.training.batch_size, first)
            try:
                for offset in range(first, self.steps_per_epoch):
                    started = time.perf_counter()
                    lr = self._one_step(sums, *next(batches))
                    self.seconds += time.perf_counter() - started
                    points: list[MetricPoint] = []
                    ends_epoch = offset + 1 == self.steps_per_epoch
                    if ends_epoch or (offset + 1) % interval == 0:
                        points.append(self._point("train", *sums.take(), lr))
                        self._refuse_diverged(points)
                    yield points
            finally:
                batches.close()
            yield from self._evaluate()
        self.put_back()

    @property
    def is_done(self) -> bool:
        """Whether all steps were made and their outcome was measured."""
        return self.step == self.num_steps == self.evaluated_at

    def close(self) -> None:
        """End what helps to read the images."""
        for images in (self.train, *self.held_out.values()):
            images.close()

    def _one_step(self, sums: _Sums, inputs_BCHW: Tensor, labels_B: Tensor) -> float:
        """Do one step of descent; return its learning rate."""
        lr = learning_rate_at(self.step, self.num_steps, self.training)
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        loss, scores_BK = descend(self.trained, self.optimizer, inputs_BCHW, labels_B)
        self.step += 1
        sums.add(loss, scores_BK, labels_B)
        return lr

    def _order_of(self, epoch: int) -> Tensor:
        """Return the order of the training images in an epoch."""
        generator = torch.Generator().manual_seed(stream_seed(self.seed, "order", epoch))
        return torch.randperm(len(self.train), generator=generator).to(self.train.device)

    def _evaluate(self) -> Iterator[list[MetricPoint]]:
        """Measure the held-out splits; yield nothing after each batch, at the end their points."""
        lr = learning_rate_at(max(0, self.step - 1), self.num_steps, self.training)
        measured: dict[SplitName, tuple[float, float]] = {}
        for split, images in self.held_out.items():
            if not len(images):
                continue
            batches = evaluation(self.trained.model, images)
            try:
                while split not in measured:
                    started = time.perf_counter()
                    try:
                        next(batches)
                    except StopIteration as end:
                        measured[split] = end.value
                    self.seconds += time.perf_counter() - started
                    yield []
            finally:
                batches.close()
        points = [self._point(split, *values, lr) for split, values in measured.items()]
        if self.step:
            self._refuse_diverged(points)
        self.evaluated_at = self.step
        yield points

    def _point(self, split: SplitName, loss: float, accuracy: float, lr: float) -> MetricPoint:
        """Return a point at the present step."""
        epoch = self.step / self.steps_per_epoch
        return MetricPoint(self.step, epoch, split, loss, accuracy, lr, self.seconds)

    def _refuse_diverged(self, points: list[MetricPoint]) -> None:
        """Raise `DivergedError` if a loss or a weight is not a finite number.

        The weights too: a step of finite loss can leave them infinite, and no checkpoint may hold
        such weights.
        """
        losses = [f"{p.split} loss became {p.loss}" for p in points if not p.is_finite]
        if losses or not self._is_finite():
            what = f"The {losses[0]}" if losses else "The weights overflowed"
            raise DivergedError(
                f"{what} around step {self.step}.",
                "Lower the learning rate. The curves and the last checkpoint before are kept.",
                field="training.learning_rate",
            )

    def _is_finite(self) -> bool:
        """Return whether every weight and buffer is a finite number."""
        return all(bool(t.isfinite().all()) for t in self.trained.model.state_dict().values())


def descend(
    masked: MaskedModel, optimizer: torch.optim.SGD, inputs_BCHW: Tensor, labels_B: Tensor
) -> tuple[Tensor, Tensor]:
    """Do one step of descent; return the loss before it and the class scores (B, K)."""
    if not masked.model.training:
        masked.model.train()
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            parameter.grad = None
    scores_BK = masked.model(inputs_BCHW)
    loss = nn.functional.cross_entropy(scores_BK, labels_B)
    loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    masked.mask_gradients()
    optimizer.step()
    return loss.detach(), scores_BK.detach()


class _Sums:
    """Losses and hits since the last point, left on the device so that no step waits for it."""

    def __init__(self) -> None:
        self._losses: list[Tensor] = []
        self._hits_B: list[Tensor] = []

    def add(self, loss: Tensor, scores_BK: Tensor, labels_B: Tensor) -> None:
        """Add one batch."""
        self._losses.append(loss)
        self._hits_B.append(scores_BK.argmax(1) == labels_B)

    def take(self) -> tuple[float, float]:
        """Return mean loss and accuracy over the images and start again; waits for the device."""
        losses = torch.stack(self._losses).double().tolist()
        sizes = [len(hits_B) for hits_B in self._hits_B]
        loss = sum(map(operator.mul, losses, sizes)) / sum(sizes)
        accuracy = int(torch.cat(self._hits_B).sum()) / sum(sizes)
        self._losses, self._hits_B = [], []
        return loss, accuracy


def evaluation(model: nn.Module, images: Batches) -> Generator[None, None, tuple[float, float]]:
    """Measure a network in evaluation mode over images, yielding after each batch.

    Returns
    -------
    tuple of float
        Mean loss and accuracy.
    """
    loss, hits = 0.0, 0
    batches = images.batches(None, _EVALUATION_BATCH)
    try:
        for inputs_BCHW, labels_B in batches:
            model.eval()
            with torch.no_grad():
                scores_BK = model(inputs_BCHW)
                loss += float(nn.functional.cross_entropy(scores_BK, labels_B, reduction="sum"))
                hits += int((scores_BK.argmax(1) == labels_B).sum())
            yield
    finally:
        batches.close()
    return loss / len(images), hits / len(images)


def evaluate(model: nn.Module, images: Batches) -> tuple[float, float]:
    """Return mean loss and accuracy of a network in evaluation mode over images."""
    steps = evaluation(model, images)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            measured: tuple[float, float] = end.value
            return measured


def make_optimizer(masked: MaskedModel, training: Training) -> torch.optim.SGD:
    """Return SGD with coupled decay of weights and biases, never of BatchNorm.

    As in the official code all weights and biases decay, also those that the recipe does not prune.
    """
    decayed = list(prunable_parameters(masked.model).parameters)
    known = {id(parameter) for parameter in decayed}
    others = [p for p in masked.model.parameters() if id(p) not in known]
    groups = [{"params": decayed, "weight_decay": training.weight_decay}]
    if others:
        groups.append({"params": others, "weight_decay": 0.0})
    # One kernel for all parameters: otherwise a quarter of a small network's step. It walks through
    # memory, so it needs parameters without gaps.
    fused = all(_is_dense(parameter) for parameter in masked.model.parameters())
    optimizer = torch.optim.SGD(
        groups, lr=training.learning_rate, momentum=training.momentum, fused=fused
    )
    if training.momentum:
        for parameter in masked.model.parameters():
            if parameter.requires_grad:  # also of what gets its first gradient later
                velocity = torch.zeros_like(parameter, requires_grad=False)
                optimizer.state[parameter]["momentum_buffer"] = velocity
    return optimizer


def _is_dense(tensor: Tensor) -> bool:
    """Return whether a tensor lies in memory in one of the usual orders, without gaps."""
    in_maps = tensor.dim() == 4 and tensor.is_contiguous(memory_format=torch.channels_last)
    return tensor.is_contiguous() or in_maps
