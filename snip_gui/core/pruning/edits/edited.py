"""Rankings edited by hand: kept connections come first, removed ones last.

All masks follow from the edited ranking, so that any number of connections can be kept exactly. If
it is too small for all that edits keep, or too large for all that they remove, the edits do not
hold: pictures say so, and a run is refused.

Shapes: M prunable parameters, in the flat order of `Layout`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.events import Event, Progress
from snip_gui.core.base.text import sparsity_text
from snip_gui.core.graph.layout import num_kept_at
from snip_gui.core.pruning.edits.resolving import FREE, KEPT, REMOVED, edit_states
from snip_gui.core.pruning.events import ScoringDone
from snip_gui.core.pruning.ranking import Ranking, make_ranking
from snip_gui.core.recipe.methods import find_method

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.data.images.image_set import ImageSet
    from snip_gui.core.graph.layout import TensorSpec
    from snip_gui.core.pruning.scored import Scored
    from snip_gui.core.recipe.edits import Edit
    from snip_gui.core.recipe.pruning import PruningSpec

_FIELD = "pruning.edits"


@dataclass(frozen=True, eq=False)
class EditedRanking(Ranking):
    """A ranking in which edits come before scores.

    Attributes
    ----------
    state_M
        uint8; see `edit_states`.
    num_edited_kept, num_edited_removed
        Number of connections that edits keep and remove.
    num_free_positive, num_free_zero
        Number of the other connections with a score above zero, and of exactly zero.
    """

    state_M: NDArray[np.uint8]
    num_edited_kept: int
    num_edited_removed: int
    num_free_positive: int
    num_free_zero: int

    @property
    def num_bytes(self) -> int:
        """Memory of the arrays in bytes."""
        return super().num_bytes + self.state_M.nbytes

    def num_arbitrary(self, num_kept: int) -> int:
        """Return how many zero scores are kept by index order while others are removed."""
        of_zeros = num_kept - self.num_edited_kept - self.num_free_positive
        return of_zeros if 0 < of_zeros < self.num_free_zero else 0

    def get_states(self, tensor: TensorSpec) -> NDArray[np.uint8]:
        """Return a view of what edits do to the connections of one tensor, in its shape."""
        return self.state_M[tensor.offset : tensor.end].reshape(tensor.shape)

    def describe(self, num_kept: int) -> str:
        """Return a caveat if the edits do not hold at a number kept; otherwise empty."""
        error = self.find_conflict(num_kept)
        return "" if error is None else error.message

    def find_conflict(self, num_kept: int) -> UserError | None:
        """Return why edits do not hold at a number kept; None if they do."""
        total = self.layout.num_parameters
        return _find_conflict(self.num_edited_kept, self.num_edited_removed, num_kept, total)


def _find_conflict(
    num_edited_kept: int, num_edited_removed: int, num_kept: int, total: int
) -> UserError | None:
    """Return why edits of these sizes do not hold with a number of all connections kept."""
    if num_edited_kept > num_kept:
        most = sparsity_text(1 - num_edited_kept / total)
        return UserError(
            f"Edits keep {num_edited_kept:,} connections by hand, but the mask keeps only "
            f"{num_kept:,} in all.",
            f"Choose a sparsity of at most {most}, or take back an edit.",
            field=_FIELD,
        )
    if num_edited_removed > total - num_kept:
        least = sparsity_text(num_edited_removed / total)
        return UserError(
            f"Edits remove {num_edited_removed:,} connections by hand, but the mask removes only "
            f"{total - num_kept:,} in all.",
            f"Choose a sparsity of at least {least}, or take back an edit.",
            field=_FIELD,
        )
    return None


def edit_ranking(ranking: Ranking, state_M: NDArray[np.uint8]) -> EditedRanking:
    """Return a ranking with edits; connections of the same state stay in their order."""
    state_by_rank = state_M[ranking.order_M]
    order_M = np.concatenate(
        [ranking.order_M[state_by_rank == state] for state in (KEPT, FREE, REMOVED)]
    )
    made = make_ranking(ranking.layout, ranking.score_M, order_M)
    state_M.flags.writeable = False
    is_free_M = state_M == FREE
    return EditedRanking(
        layout=made.layout,
        score_M=made.score_M,
        rank_M=made.rank_M,
        order_M=made.order_M,
        sorted_ranks=made.sorted_ranks,
        num_positive=made.num_positive,
        num_zero=made.num_zero,
        state_M=state_M,
        num_edited_kept=int(np.count_nonzero(state_M == KEPT)),
        num_edited_removed=int(np.count_nonzero(state_M == REMOVED)),
        num_free_positive=int(np.count_nonzero(is_free_M & (ranking.score_M > 0))),
        num_free_zero=int(np.count_nonzero(is_free_M & (ranking.score_M == 0))),
    )


def with_edits(scored: Scored, edits: tuple[Edit, ...], images: ImageSet) -> Scored:
    """Return scores with these edits in place of any others, without scoring again.

    Raises
    ------
    UserError
        If an edit names a part that the network does not have, or the method's masks cannot be
        edited.
    """
    pruning = msgspec.structs.replace(scored.recipe.pruning, edits=edits)
    recipe = msgspec.structs.replace(scored.recipe, pruning=pruning)
    if not edits:
        masks = scored.unedited or scored.masks
        return replace(scored, recipe=recipe, masks=masks, unedited=None)
    ranking = editable_ranking(scored)
    state_M = _states(scored, edits, images)
    edited = edit_ranking(ranking, state_M)
    return replace(scored, recipe=recipe, masks=edited, unedited=ranking)


def editable_ranking(scored: Scored) -> Ranking:
    """Return the ranking without edits; raises `UserError` if the masks cannot be edited."""
    _refuse_moving(scored.recipe.pruning)
    masks = scored.unedited or scored.masks
    if not isinstance(masks, Ranking):
        raise UserError(
            "These masks do not follow from a ranking of single connections, so they cannot be "
            "edited by hand.",
            "Take back all edits, or choose a method and granularity that rank connections.",
            field=_FIELD,
        )
    return masks


def check_edits(scored: Scored, edits: tuple[Edit, ...], images: ImageSet, num_kept: int) -> None:
    """Raise `UserError` if edits cannot be made, or do not hold with this number kept."""
    ranking = editable_ranking(scored)
    state_M = _states(scored, edits, images)
    error = _find_conflict(
        int(np.count_nonzero(state_M == KEPT)),
        int(np.count_nonzero(state_M == REMOVED)),
        num_kept,
        ranking.layout.num_parameters,
    )
    if error is not None:
        raise error


def _states(scored: Scored, edits: tuple[Edit, ...], images: ImageSet) -> NDArray[np.uint8]:
    shape = scored.architecture.input_shape
    return edit_states(edits, scored.layout, scored.model, shape, images)


def edit_steps(
    scored: Scored, edits: tuple[Edit, ...], images: ImageSet, cancel: CancelToken
) -> Iterator[Event]:
    """Edit the masks of a large network; ends with `ScoringDone`. Raises as `with_edits` does."""
    yield Progress("Editing the mask")
    edited = with_edits(scored, edits, images)
    edited.prepare()
    cancel.raise_if_cancelled()
    yield ScoringDone(edited)


def refuse_edits(pruning: PruningSpec) -> None:
    """Raise `UserError` if there are edits, and the method moves its mask while training."""
    if pruning.edits:
        _refuse_moving(pruning)


def _refuse_moving(pruning: PruningSpec) -> None:
    method = find_method(pruning)
    if method.regime:
        raise UserError(
            f"{method.title} chooses its masks while it trains, so they cannot be edited by hand.",
            "Take back all edits, or choose a method whose mask is fixed before training.",
            field=_FIELD,
        )


def refuse_conflict(scored: Scored, sparsity: float) -> None:
    """Raise `UserError`, with both numbers, if edits do not hold at a sparsity."""
    if isinstance(scored.masks, EditedRanking):
        number = num_kept_at(sparsity, scored.layout.num_parameters)
        error = scored.masks.find_conflict(number)
        if error is not None:
            raise error
