"""The loss while a single connection fades out, exactly.

SNIP scores a connection by the derivative of the loss with respect to its presence c, at c = 1
(Lee, Ajanthan & Torr 2019, equation 3). The exact effect of its removal is the difference between
c = 0 and c = 1 (equation 2).

Shapes: K scored images, M prunable parameters.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from snip_gui.core.base.events import Event, Progress
from snip_gui.core.pruning.workbench import build_steps

if TYPE_CHECKING:
    from collections.abc import Iterator

    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.base.environment import Environment
    from snip_gui.core.data.images.image_set import ImageSet
    from snip_gui.core.pruning.scored import Scored

NUM_PARTS = 10


@dataclass(frozen=True)
class PresenceMeasured(Event):
    """The loss of the whole network with one connection multiplied by c.

    Attributes
    ----------
    index
        Position of the connection in flat order.
    losses
        In nats, in double precision: for c from 0 to 1 in `NUM_PARTS` equal parts.
    """

    scored: Scored
    index: int
    losses: tuple[float, ...]

    @property
    def effect(self) -> float:
        """By how much the loss rises if the connection is removed."""
        return self.losses[0] - self.losses[-1]


def presence_job(
    scored: Scored, index: int, environment: Environment, images: ImageSet, cancel: CancelToken
) -> Iterator[Event]:
    """Measure the loss while a connection fades out; ends with `PresenceMeasured`.

    Raises
    ------
    UserError
        If the network cannot be built again.
    Cancelled
        If cancelled meanwhile.
    """
    bench = yield from build_steps(
        scored.recipe, replace(environment, device="cpu"), images, cancel
    )
    yield Progress("Removing one connection")
    _, inputs_KCHW, labels_K = bench.minibatch
    inputs_KCHW = inputs_KCHW.double()
    tensor = next(t for t in bench.prunable.layout.tensors if t.offset <= index < t.end)
    model = bench.model.double().eval()
    values = dict(model.named_parameters())[tensor.name].detach().reshape(-1)
    weight, losses = float(values[index - tensor.offset]), []
    with torch.no_grad():
        for part in range(NUM_PARTS + 1):
            cancel.raise_if_cancelled()
            values[index - tensor.offset] = weight * part / NUM_PARTS
            losses.append(float(functional.cross_entropy(model(inputs_KCHW), labels_K)))
    yield PresenceMeasured(scored, index, tuple(losses))
