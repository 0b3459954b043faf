"""The steps of the lesson in words and figures. No torch.

Shapes: M prunable parameters in flat order.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.seeding import numpy_stream
from snip_gui.core.base.text import sparsity_text
from snip_gui.core.studies.figures.figure import Chart, Series

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from snip_gui.core.graph.layout import TensorSpec
    from snip_gui.core.pruning.ranking import Ranking
    from snip_gui.core.pruning.scored import Scored
    from snip_gui.core.studies.lesson.presence import PresenceMeasured

Choice: TypeAlias = Literal["highest", "threshold", "median", "random"]

CHOICES: dict[Choice, str] = {
    "highest": "Most sensitive",
    "threshold": "Last one kept",
    "median": "In the middle",
    "random": "Random",
}

_MOST_OTHERS = 400
_NUM_RANKS = 120


@dataclass(frozen=True, slots=True)
class Step:
    """A page of the lesson."""

    title: str
    text: str
    figure: Chart


@dataclass(frozen=True, eq=False)
class Lesson:
    """A connection and everything that the method computes of it.

    Attributes
    ----------
    index
        Position of the connection in flat order.
    num_kept
        Number of connections that the current mask keeps.
    presence
        The exact effect of its removal; None as long as it is not known.
    """

    scored: Scored
    index: int
    num_kept: int
    presence: PresenceMeasured | None = None

    @property
    def tensor(self) -> TensorSpec:
        """The tensor of the connection."""
        tensors = self.scored.layout.tensors
        return next(t for t in tensors if t.offset <= self.index < t.end)

    @property
    def position(self) -> tuple[int, ...]:
        """Its position in the tensor."""
        tensor = self.tensor
        at = np.unravel_index(self.index - tensor.offset, tensor.shape)
        return tuple(int(number) for number in at)

    @property
    def name(self) -> str:
        """Its name, such as ``fc1.weight[12, 345]``."""
        return f"{self.tensor.name}[{', '.join(map(str, self.position))}]"

    @property
    def weight(self) -> float:
        """Its weight w."""
        return float(self.scored.weight_M[self.index])

    @property
    def gradient(self) -> float:
        """The derivative g of the loss with respect to the weight."""
        return float(_gradient(self.scored)[self.index])

    @property
    def sensitivity(self) -> float:
        """Its normalised sensitivity s."""
        return float(_ranking(self.scored).score_M[self.index])

    @property
    def rank(self) -> int:
        """Its rank, from 1 for the most sensitive connection."""
        return int(_ranking(self.scored).rank_M[self.index]) + 1

    @property
    def removal_sparsity(self) -> float:
        """The largest sparsity at which it is kept."""
        return 1 - self.rank / self.scored.layout.num_parameters

    @property
    def steps(self) -> tuple[Step, ...]:
        """All pages."""
        total = self.scored.layout.num_parameters
        product, share = self.weight * self.gradient, self.sensitivity
        others, ranks = self._others_chart(), self._ranks_chart()
        is_kept = self.rank <= self.num_kept
        sparsity = sparsity_text(1 - self.num_kept / total)
        state = "so it is kept" if is_kept else "so it is removed"
        whole = abs(product) / share if share else math.nan
        return (
            Step(
                "One connection",
                f"{self.name} {self._ends()}. It is one of {total:,} connections that may be "
                "removed. What follows happens once, before any training.",
                others,
            ),
            Step(
                "Its weight",
                f"w = {self.weight:+.5f}. That is where training would start from. A large weight "
                "does not mean that the loss depends on it: the figure shows weights and gradients "
                f"of other connections of {self.tensor.layer}.",
                others,
            ),
            Step(
                "Its gradient",
                f"g = dL/dw = {self.gradient:+.3e}, from one forward and one backward pass over "
                f"{len(self.scored.indices_K):,} images. A small change d of the weight would "
                "change the loss by g d.",
                others,
            ),
            Step(
                "Its sensitivity",
                f"|w g| = {abs(product):.3e}: how fast the loss changes as the connection fades "
                "out. Divided by the sum over the whole network, "
                f"{whole:.4g}, it is s = {share:.3e}; all sensitivities add up to 1.",
                ranks,
            ),
            Step(
                "Its rank",
                f"{self.rank:,} of {total:,}: {(self.rank - 1) / total:.2%} of all connections, of "
                "all layers, are more sensitive.",
                ranks,
            ),
            Step(
                "The threshold",
                f"It is removed above {sparsity_text(self.removal_sparsity)} sparsity. The "
                f"slider is at {sparsity}, where the {self.num_kept:,} most sensitive are kept, "
                f"{state}.",
                ranks,
            ),
            self._removal(product),
        )

    def _ends(self) -> str:
        """Return what the connection joins, in words."""
        if not self.tensor.is_weight:
            return f"is the bias of output {self.position[0]} of {self.tensor.layer}"
        unit, source, *_ = self.position
        channels, rows, columns = self.scored.architecture.input_shape
        is_first = self.tensor is self.scored.layout.tensors[0]
        if is_first and self.tensor.shape[1:] == (channels * rows * columns,):
            row, column = divmod(source % (rows * columns), columns)
            return f"joins the pixel in row {row}, column {column} with unit {unit}"
        return f"joins input {source} of {self.tensor.layer} with its output {unit}"

    def _removal(self, product: float) -> Step:
        title = "Its exact removal"
        if self.presence is None:
            return Step(title, "Computing the loss without it…", self._ranks_chart())
        effect = self.presence.effect
        ratio = f"{-product / effect:.3g} times the exact change" if effect else "and it is zero"
        return Step(
            title,
            f"Without it, the loss {'falls' if effect < 0 else 'rises'} by {abs(effect):.4e} nats, "
            f"from {self.presence.losses[-1]:.6f}. SNIP does not compute that for every "
            "connection; it follows the slope at full presence down to zero, which predicts a "
            f"change of {-product:+.4e}: {ratio}.",
            self._presence_chart(product),
        )

    def _others_chart(self) -> Chart:
        """Return weights and gradients of connections of the same tensor, and of this one."""
        tensor = self.tensor
        generator = numpy_stream(0, "lesson", tensor.name)
        number = min(_MOST_OTHERS, tensor.size)
        drawn = np.sort(generator.choice(tensor.size, number, replace=False)) + tensor.offset
        gradient_M = _gradient(self.scored)
        return Chart(
            "Weights and gradients",
            "weight w",
            "gradient g",
            (
                Series(
                    f"others of {tensor.layer}",
                    tuple(self.scored.weight_M[drawn].astype(float).tolist()),
                    tuple(gradient_M[drawn].astype(float).tolist()),
                    origin="paper",
                    is_joined=False,
                ),
                Series(self.name, (self.weight,), (self.gradient,), is_joined=False),
            ),
            y_form=".0e",
        )

    def _ranks_chart(self) -> Chart:
        """Return the sensitivities by rank, with this connection and the threshold."""
        ranking, total = _ranking(self.scored), self.scored.layout.num_parameters
        places = np.unique(np.geomspace(1, total, _NUM_RANKS).astype(int))
        scores = ranking.score_M[ranking.order_M[places - 1]].astype(float)
        positive = scores > 0
        places, scores = places[positive], scores[positive]
        kept = float(self.num_kept)
        return Chart(
            "Sensitivity by rank",
            "rank",
            "sensitivity s",
            (
                Series(
                    "all connections",
                    tuple(places.astype(float).tolist()),
                    tuple(scores.tolist()),
                    has_markers=False,
                ),
                Series(self.name, (float(self.rank),), (self.sensitivity,), is_joined=False),
                Series(
                    "threshold",
                    (kept, kept),
                    (float(scores.min()), float(scores.max())),
                    origin="paper",
                    has_markers=False,
                ),
            ),
            x_form=",g",
            y_form=".0e",
            is_x_log=True,
            is_y_log=True,
        )

    def _presence_chart(self, slope: float) -> Chart:
        """Return the exact loss over the presence of the connection, and SNIP's line."""
        assert self.presence is not None
        losses = self.presence.losses
        places = tuple(number / (len(losses) - 1) for number in range(len(losses)))
        whole = losses[-1]
        return Chart(
            "The loss as the connection fades out",
            "presence c of the connection, from 0 (removed) to 1 (whole)",
            "loss less that of the whole network, nats",
            (
                Series("exact", places, tuple(loss - whole for loss in losses)),
                Series("SNIP: the slope at c = 1", (0.0, 1.0), (-slope, 0.0), has_markers=False),
            ),
            y_form=".1e",
        )


def choose_connection(scored: Scored, num_kept: int, choice: Choice, seed: int = 0) -> int:
    """Return the flat index of a connection to follow.

    Raises
    ------
    UserError
        If the network was not scored by SNIP.
    """
    order_M = _ranking(scored).order_M
    _gradient(scored)
    match choice:
        case "highest":
            return int(order_M[0])
        case "threshold":
            return int(order_M[max(0, num_kept - 1)])
        case "median":
            return int(order_M[len(order_M) // 2])
        case "random":
            return int(numpy_stream(seed, "lesson").integers(len(order_M)))


def _ranking(scored: Scored) -> Ranking:
    if scored.recipe.pruning.method != "snip" or scored.ranking is None:
        raise UserError(
            "This lesson follows a connection through SNIP.",
            "Choose the method SNIP, and score.",
            field="pruning.method",
        )
    return scored.ranking


def _gradient(scored: Scored) -> NDArray[np.float32]:
    _ranking(scored)
    assert scored.gradient_M is not None
    return scored.gradient_M
