"""What networks see in a single image: the probability of each class.

Shapes: C channels, H rows, W columns, K classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.events import Event

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import nn

    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.base.environment import Environment
    from snip_gui.core.data.images.image_set import ImageSet
    from snip_gui.core.pruning.scored import Scored


@dataclass(frozen=True, slots=True)
class RunSource:
    """The network of a run, with the weights of its last checkpoint."""

    title: str
    folder: Path


@dataclass(frozen=True, slots=True)
class ScoredSource:
    """A scored network with the weights of its file, and ``num_kept`` of its connections."""

    title: str
    scored: Scored
    num_kept: int


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What a network sees in an image.

    Attributes
    ----------
    probability_K
        float32; the softmax of the class scores.
    """

    title: str
    classes: tuple[str, ...]
    probability_K: NDArray[np.float32]

    @property
    def best(self) -> str:
        """Name of the most probable class."""
        return self.classes[int(self.probability_K.argmax())]


@dataclass(frozen=True, slots=True, eq=False)
class LoadedNetwork:
    """A network in memory, to be used again for the next image.

    Attributes
    ----------
    stamp
        When its checkpoint was written; a later one has to be read again.
    """

    source: RunSource | ScoredSource
    stamp: int
    module: nn.Module
    input_shape: tuple[int, int, int]
    mean_C: tuple[float, ...]
    deviation_C: tuple[float, ...]
    classes: tuple[str, ...]

    def answer(self, image_CHW: NDArray[np.uint8]) -> Answer:
        """Return the answer to an image of the data set's form, prepared as training images are.

        Raises
        ------
        UserError
            If the network takes images with another number of channels.
        """
        import torch

        from snip_gui.core.data.images.resident import ResidentImages

        if len(image_CHW) != len(self.mean_C):
            raise UserError(
                f"{self.source.title} takes images with {_channels(len(self.mean_C))}, not "
                f"{_channels(len(image_CHW))}.",
                "Choose its data set first.",
            )
        parameter = next(self.module.parameters())
        images = ResidentImages(
            image_CHW[None],
            np.zeros(1, np.int64),
            self.mean_C,
            self.deviation_C,
            parameter.device,
            self.input_shape,
        )
        with torch.no_grad():
            scores_1K = self.module(images.batch(slice(None))[0])
            probability_K = scores_1K[0].float().softmax(0).cpu().numpy()
        return Answer(self.source.title, self.classes, probability_K)


@dataclass(frozen=True, slots=True, eq=False)
class Answered(Event):
    """Networks answered to an image.

    Attributes
    ----------
    loaded
        The networks, to be passed to the next call.
    """

    image_CHW: NDArray[np.uint8]
    answers: tuple[Answer, ...]
    loaded: tuple[LoadedNetwork, ...]


def answer_steps(
    sources: Sequence[RunSource | ScoredSource],
    image_CHW: NDArray[np.uint8],
    environment: Environment,
    images: ImageSet,
    loaded: Sequence[LoadedNetwork],
    cancel: CancelToken,
) -> Iterator[Event]:
    """Ask networks for the class of an image; ends with `Answered`.

    Parameters
    ----------
    images
        The data set of the networks.
    loaded
        Networks of an earlier call, which are not read again unless they have changed.

    Raises
    ------
    UserError
        If a network cannot be read, or takes other images.
    Cancelled
        If cancelled meanwhile.
    """
    known = {(network.source, network.stamp): network for network in loaded}
    found = []
    for source in sources:
        cancel.raise_if_cancelled()
        network = known.get((source, _stamp(source)))
        found.append(network or (yield from _load(source, environment, images, cancel)))
    cancel.raise_if_cancelled()
    answers = tuple(network.answer(image_CHW) for network in found)
    yield Answered(image_CHW, answers, tuple(found))


def _load(
    source: RunSource | ScoredSource,
    environment: Environment,
    images: ImageSet,
    cancel: CancelToken,
) -> Generator[Event, None, LoadedNetwork]:
    """Read or build a network in evaluation mode."""
    stamp = _stamp(source)
    if isinstance(source, RunSource):
        from snip_gui.core.runs.network import read_network

        run = read_network(source.folder, environment.trusted_code)
        normalisation, (channels, rows, columns) = (
            run.manifest["normalisation"],
            run.manifest["input_shape"],
        )
        return LoadedNetwork(
            source=source,
            stamp=stamp,
            module=run.network,
            input_shape=(channels, rows, columns),
            mean_C=tuple(normalisation["mean"]),
            deviation_C=tuple(normalisation["deviation"]),
            classes=tuple(run.manifest["classes"]),
        )
    import torch

    from snip_gui.core.pruning.workbench import build_steps

    scored = source.scored
    bench = yield from build_steps(scored.recipe, environment, images, cancel)
    with torch.no_grad():
        for name, parameter in bench.prunable.items():
            mask = scored.masks.get_mask(scored.layout[name], source.num_kept)
            parameter.mul_(torch.from_numpy(mask).to(parameter.device))
    bench.model.eval()
    return LoadedNetwork(
        source=source,
        stamp=stamp,
        module=bench.model,
        input_shape=bench.architecture.input_shape,
        mean_C=images.mean_C,
        deviation_C=images.deviation_C,
        classes=images.classes,
    )


def _stamp(source: RunSource | ScoredSource) -> int:
    """Return when the weights of a run were written, in nanoseconds; 0 if they do not change."""
    if isinstance(source, ScoredSource):
        return 0
    from snip_gui.core.runs.folder import CHECKPOINT

    try:
        return (source.folder / CHECKPOINT).stat().st_mtime_ns
    except OSError:  # not trained yet, or gone, which reading reports
        return 0


def _channels(number: int) -> str:
    return f"{number} {'channel' if number == 1 else 'channels'}"
