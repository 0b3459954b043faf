"""What another network or data set makes meaningless in a recipe."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from snip_gui.core.models.own.source import OWN
from snip_gui.core.recipe.recipe import Draw

if TYPE_CHECKING:
    from snip_gui.core.recipe.recipe import Minibatch, ModelChoice, Recipe

_NO_WEIGHTS = {"weights": "", "weights_digest": "", "weights_key": ""}
_NO_FILE = {"file": "", "symbol": "", "file_digest": ""}


def without_leftovers(
    before: Recipe, after: Recipe, left: tuple[str, Minibatch] | None = None
) -> tuple[Recipe, str]:
    """Return an edited recipe without what belonged to its former network or data set.

    Parameters
    ----------
    left
        A data set that was left for one that did not open, and its minibatch, which returns with
        it.

    Returns
    -------
    recipe
        ``after``, with weights from a file, excluded layers and edits of the mask reset if the
        network is another one, and with a minibatch of all classes if the data set is.
    text
        Sentences on what was reset; empty if nothing was.
    """
    sentences = []
    if _network(after.model) != _network(before.model):
        after, names = _without_network(before, after)
        if names:
            sentences.append(f"Reset {names}, which belonged to the other network.")
    if after.data.name == before.data.name:
        return after, " ".join(sentences)
    if left is not None and left[0] == after.data.name:
        after = msgspec.structs.replace(after, minibatch=left[1])
    elif after.minibatch != Draw():
        after = msgspec.structs.replace(after, minibatch=Draw())
        sentences.append("The minibatch is drawn from all classes of the new data set.")
    return after, " ".join(sentences)


def _network(model: ModelChoice) -> tuple[str, str, str]:
    return model.name, model.file, model.symbol


def _without_network(before: Recipe, after: Recipe) -> tuple[Recipe, str]:
    """Return a recipe without what belonged to the former network, and names of the parts."""
    names = []
    changes: dict[str, str] = {}
    if after.model.name != OWN and after.model.file:
        changes |= _NO_FILE
    if after.model.weights and after.model.weights == before.model.weights:
        changes |= _NO_WEIGHTS
        names.append("the weights from a file")
    pruning = after.pruning
    if pruning.exclude and pruning.exclude == before.pruning.exclude:
        pruning = msgspec.structs.replace(pruning, exclude=())
        names.append("the excluded layers")
    if pruning.edits and pruning.edits == before.pruning.edits:
        pruning = msgspec.structs.replace(pruning, edits=())
        names.append("the edits of the mask")
    model = msgspec.structs.replace(after.model, **changes)
    return msgspec.structs.replace(after, model=model, pruning=pruning), _enumerate(names)


def _enumerate(names: list[str]) -> str:
    """Return names as an enumeration."""
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))
