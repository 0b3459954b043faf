"""The training loop: gradient descent under a mask (paper, section 5).

Shapes: N training images, B images per batch, C channels, H rows, W columns, K classes.
"""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import nn

from snip_gui.core.base.errors import DivergedError, MethodError
from snip_gui.core.base.network_state import find_infinite
from snip_gui.core.base.seeding import stream_seed
from snip_gui.core.data.images.batches import batch_slices
from snip_gui.core.graph.single_image import refuses_single_image, single_images_error
from snip_gui.core.recipe.training import Phase
from snip_gui.core.training.augmentation import Augmentation, make_augmentation
from snip_gui.core.training.descent import (
    STATIC,
    Optimizer,
    descend,
    gradient_norm,
    make_optimizer,
    state_names,
)
from snip_gui.core.training.evaluation import RunningMetrics, evaluation
from snip_gui.core.training.metrics import MetricPoint, SplitName
from snip_gui.core.training.regime import Moment, Regime
from snip_gui.core.training.schedules import find_phase, learning_rate_at

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from torch import Tensor

    from snip_gui.core.data.images.batches import Batches
    from snip_gui.core.data.images.pixels import PixelChoice
    from snip_gui.core.pruning.masked_model import MaskedModel
    from snip_gui.core.pruning.shrinking import ShrunkModel
    from snip_gui.core.recipe.recipe import Training
    from snip_gui.core.training.regime import MaskChange

_POINTS_PER_EPOCH = 20


@dataclass
class Trainer:
    """Training that can be stopped between any two steps and resumed.

    The order of the images depends only on seed and epoch, so weights, optimizer state and the
    number of completed steps define the state of a run.

    Attributes
    ----------
    masked
        The whole network. It has the trained weights after `put_back`, which is called at the end
        of a run.
    shrunk
        The small network that is trained instead, if any; see `use`.
    evaluated_at
        Step at which the validation and test splits were last evaluated.
    regime
        Rules for changes of mask, loss and network.
    phases
        Phases of training; by default a single one with the recipe's epochs.
    notes
        Sentences for the log on what has changed; the reader removes them.
    joins_single
        Whether a last batch of a single image is merged with the previous one, because the network
        cannot be trained on a single image.

    Raises
    ------
    UserError
        If every batch would be a single image and the network cannot be trained on one.
    """

    masked: MaskedModel
    train: Batches
    held_out: dict[SplitName, Batches]
    training: Training
    seed: int
    step: int = 0
    seconds: float = 0.0
    evaluated_at: int = -1
    regime: Regime = STATIC
    phases: tuple[Phase, ...] = ()
    notes: list[str] = field(init=False, default_factory=list)
    shrunk: ShrunkModel | None = field(init=False, default=None)
    joins_single: bool = field(init=False, default=False)
    _infinite: set[str] = field(init=False, default_factory=set)  # such as a mask of attention
    optimizer: Optimizer = field(init=False)
    _pixels: PixelChoice | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.phases = self.phases or (Phase(self.training.epochs),)
        self._infinite = set(find_infinite(self.masked.model))
        self.optimizer = self._make_optimizer()
        number, size = len(self.train), self.training.batch_size
        if size == 1 or number % size == 1:
            self.joins_single = self._refuses_single_image()
            if self.joins_single and 1 in (number, size):
                raise single_images_error(size)

    def use(self, shrunk: ShrunkModel) -> None:
        """Train a small network instead of the whole one; call before the first step."""
        self.shrunk = shrunk
        self.optimizer = self._make_optimizer()
        if shrunk.pixels is not None:
            if self.training.augmentation == "none":
                self.train = self.train.with_pixels(shrunk.pixels)
            else:  # images are shifted first
                self._pixels = shrunk.pixels
            self.held_out = {s: b.with_pixels(shrunk.pixels) for s, b in self.held_out.items()}

    def to_channels_last(self) -> None:
        """Train in the channels-last memory format; call before the first step."""
        self.trained.to_channels_last()
        self.optimizer = self._make_optimizer()

    def _make_optimizer(self) -> Optimizer:
        """Return a new optimizer for all trained parameters."""
        return make_optimizer(self.trained, self.training, self.regime.parameters().values())

    def named_parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        """Yield all trained parameters by name; the regime's own are prefixed with ``method.``."""
        yield from self.trained.model.named_parameters()
        for name, parameter in self.regime.parameters().items():
            yield f"method.{name}", parameter

    @property
    def trained(self) -> MaskedModel:
        """The network that is trained: the small one, or the whole."""
        return self.masked if self.shrunk is None else self.shrunk.small

    def put_back(self) -> None:
        """Let the whole network have the result: the trained weights, or the method's outcome."""
        if self.shrunk is not None:
            self.shrunk.put_back()
        self.masked.hide_outcome()
        with torch.no_grad():
            outcome = self.regime.outcome(self.masked)
        if outcome is not None:
            self.masked.show_outcome(outcome.masks, outcome.weights)

    @property
    def shows_result(self) -> bool:
        """Whether the masks are those of the result, rather than of weights behind an outcome."""
        return type(self.regime).outcome is Regime.outcome or self.evaluated_at == self.step

    @property
    def steps_per_epoch(self) -> int:
        """Steps per pass over the training images; the last batch may be smaller."""
        size = self.training.batch_size
        return len(batch_slices(len(self.train), size, join_single=self.joins_single))

    @property
    def num_epochs(self) -> int:
        """Total number of passes over the training images."""
        return sum(phase.epochs for phase in self.phases) + self.training.added_epochs

    @property
    def num_steps(self) -> int:
        """Total number of steps."""
        return self.num_epochs * self.steps_per_epoch

    def rate_at(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        number, within = find_phase(step, self.phases, self.steps_per_epoch)
        phase = self.phases[number]
        length = phase.epochs * self.steps_per_epoch
        return learning_rate_at(within, length, self.training, phase.rate, decays=phase.decays)

    def run(self) -> Iterator[list[MetricPoint]]:
        """Train to the end, yielding between steps.

        Yields
        ------
        list of MetricPoint
            New metric points, after every step and every batch of an evaluation; usually none.
            There are about twenty training points per epoch; the validation and test splits are
            evaluated at the start and after each epoch.

        Raises
        ------
        DivergedError
            If a loss or weight is no longer finite; all earlier points have been yielded.
        MethodError
            If the method cannot continue, or has removed every connection.
        """
        if self.step % self.steps_per_epoch == 0 and self.evaluated_at != self.step:
            yield from self._evaluate()
        interval = max(1, self.steps_per_epoch // _POINTS_PER_EPOCH)
        sums = RunningMetrics()
        while self.step < self.num_steps:
            epoch, first = divmod(self.step, self.steps_per_epoch)
            order_N = self._make_order(epoch)
            batches = self._batches(epoch, order_N, first)
            try:
                for offset in range(first, self.steps_per_epoch):
                    yield from self._prepare_step()
                    started = time.perf_counter()
                    lr = self._one_step(sums, *next(batches))
                    self.seconds += time.perf_counter() - started
                    points: list[MetricPoint] = []
                    ends_epoch = offset + 1 == self.steps_per_epoch
                    if ends_epoch or (offset + 1) % interval == 0:
                        points.append(self._training_point(sums, lr))
                        self._refuse_diverged(points)
                    yield points
            finally:
                batches.close()
            yield from self._evaluate()
        self.put_back()
        if self.regime.changes_masks and not any(self.masked.counts().values()):
            raise MethodError(
                "The method removed every connection.",
                "Change its settings so that it removes less.",
            )

    @property
    def is_done(self) -> bool:
        """Whether all steps are done and the result has been evaluated."""
        return self.step == self.num_steps == self.evaluated_at

    def close(self) -> None:
        """Release the helper processes of the images."""
        for images in (self.train, *self.held_out.values()):
            images.close()

    def _refuses_single_image(self) -> bool:
        """Return whether the network cannot be trained on a single image."""
        image_1CHW, _ = self.train.batch(slice(0, 1))
        self.masked.model.train()
        return refuses_single_image(self.masked.model, image_1CHW)

    def _batches(
        self, epoch: int, order_N: Tensor, first_batch: int
    ) -> Generator[tuple[Tensor, Tensor], None, None]:
        """Return the batches of an epoch, as input to the network, from ``first_batch`` on."""
        size, device = self.training.batch_size, self.train.device
        batches = self.train.batches(order_N, size, first_batch, join_single=self.joins_single)
        augment = make_augmentation(self.training, self.seed, epoch, len(order_N), device)
        return batches if augment is None else self._changed(batches, augment, first_batch * size)

    def _changed(
        self,
        batches: Generator[tuple[Tensor, Tensor], None, None],
        augment: Augmentation,
        first: int,
    ) -> Generator[tuple[Tensor, Tensor], None, None]:
        """Yield augmented batches, of which ``first`` is the position of the first image."""
        try:
            for inputs_BCHW, labels_B in batches:
                changed_BCHW = augment(inputs_BCHW, first)
                first += len(labels_B)
                yield changed_BCHW if self._pixels is None else self._pixels(changed_BCHW), labels_B
        finally:
            batches.close()

    def _prepare_step(self) -> Iterator[list[MetricPoint]]:
        """Let the regime prepare the next step; yields nothing new, but often."""
        started = time.perf_counter()
        work = self.regime.prepare_step(self.masked, self._moment())
        try:
            for _ in work:
                self.seconds += time.perf_counter() - started
                yield []
                started = time.perf_counter()
        finally:
            work.close()
        self.seconds += time.perf_counter() - started

    def _one_step(self, sums: RunningMetrics, inputs_BCHW: Tensor, labels_B: Tensor) -> float:
        """Take one training step under the regime; return its learning rate."""
        moment = self._moment()
        self.masked.hide_outcome()
        if moment.phase and not moment.step_of_phase:  # a new phase starts afresh
            self._reset_optimizer()
        self._change_masks(self.regime.before_step(self.masked, moment))
        lr = self.rate_at(self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        loss, scores_BK = descend(
            self.trained,
            self.optimizer,
            inputs_BCHW,
            labels_B,
            regime=self.regime,
            half_width=self.training.is_half_width,
        )
        self.step += 1
        self._change_masks(self.regime.after_step(self.masked, self._moment()))
        sums.add(loss, scores_BK, labels_B)
        return lr

    def _moment(self) -> Moment:
        """Return the current position in the run."""
        phase, within = find_phase(self.step, self.phases, self.steps_per_epoch)
        return Moment(self.step, self.num_steps, phase, within)

    @torch.no_grad()
    def _reset_optimizer(self) -> None:
        """Discard velocities and moments, as in a new training run."""
        for state in self.optimizer.state.values():
            for values in state.values():
                values.zero_()

    @torch.no_grad()
    def _change_masks(self, change: MaskChange | None) -> None:
        """Replace the masks of the network, if they change."""
        if change is None:
            return
        self.masked.set_masks(change.masks, self.regime.hold)
        if self.regime.hold == "zero":
            # A velocity would keep moving a removed weight.
            masks, names = self.masked.masks(), state_names(self.training)
            for name, parameter in self.masked.prunable.items():
                for part in names:
                    self.optimizer.state[parameter][part].masked_fill_(masks[name] == 0, 0)
        if change.text:
            self.notes.append(change.text)

    def _make_order(self, epoch: int) -> Tensor:
        """Return the order of the training images (N) in an epoch."""
        # Zero leaves the stream as it was before there was a choice.
        choice = (self.training.order,) if self.training.order else ()
        seed = stream_seed(self.seed, "order", epoch, *choice)
        generator = torch.Generator().manual_seed(seed)
        return torch.randperm(len(self.train), generator=generator).to(self.train.device)

    def _evaluate(self) -> Iterator[list[MetricPoint]]:
        """Evaluate the validation and test splits; yield nothing per batch, then their points."""
        if self.shrunk is None:
            self.put_back()
        lr = self.rate_at(max(0, self.step - 1))
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

    def _training_point(self, sums: RunningMetrics, lr: float) -> MetricPoint:
        """Return the metrics since the last training point; synchronises with the device."""
        loss, accuracy = sums.take()
        return dataclasses.replace(
            self._point("train", loss, accuracy, lr),
            gradient_norm=float(gradient_norm(self.trained)),
            weight_norms=self.trained.layer_norms(),
        )

    def _point(self, split: SplitName, loss: float, accuracy: float, lr: float) -> MetricPoint:
        """Return a metric point at the current step."""
        epoch = self.step / self.steps_per_epoch
        return MetricPoint(self.step, epoch, split, loss, accuracy, lr, self.seconds)

    def _refuse_diverged(self, points: list[MetricPoint]) -> None:
        """Raise `DivergedError` if a loss or weight is not finite.

        Weights are checked too: a step with finite loss can make them infinite, and a checkpoint
        must never contain such weights.
        """
        losses = [f"{p.split} loss became {p.loss}" for p in points if not p.is_finite]
        if losses or not self._is_finite():
            what = f"The {losses[0]}" if losses else "The weights overflowed"
            raise DivergedError(
                f"{what} around step {self.step}.",
                "Lower the learning rate. The curves and the last good checkpoint are kept.",
                field="training.learning_rate",
                proposal=float(f"{self.training.learning_rate / 5:.2g}"),
            )

    def _is_finite(self) -> bool:
        """Return whether all weights and buffers are finite that were so before."""
        own = (bool(tensor.isfinite().all()) for tensor in self.regime.parameters().values())
        return all(own) and self._infinite >= set(find_infinite(self.trained.model))
