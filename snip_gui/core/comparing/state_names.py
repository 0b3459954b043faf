"""Short names of scored states, composed of what distinguishes them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from snip_gui.core.base.text import sparsity_text
from snip_gui.core.data.sets.catalogue import DATASETS
from snip_gui.core.models.networks import find_network
from snip_gui.core.recipe.edits import describe_edits
from snip_gui.core.recipe.fields import field
from snip_gui.core.recipe.methods import find_method
from snip_gui.core.recipe.pruning import ScoringSpec
from snip_gui.core.recipe.recipe import Draw

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from snip_gui.core.recipe.field import Field
    from snip_gui.core.recipe.recipe import Recipe

# Always part of the name; anything else only where states differ.
_ALWAYS = ("classes", "sparsity")
_MOST_NAMED = 3


def state_parts(recipe: Recipe, sparsity: float, classes: str, num_images: int) -> dict[str, str]:
    """Return the possible parts of a state's name by topic, in order.

    Parameters
    ----------
    classes
        The classes of the scored images, for display.
    """
    model, minibatch, pruning = recipe.model, recipe.minibatch, recipe.pruning
    unusual = isinstance(pruning, ScoringSpec) and pruning.scoring_mode == "training"
    return {
        "network": find_network(model).title,
        "data": DATASETS[recipe.data.name].title,
        "classes": classes,
        "number": f"{num_images:,} images" if num_images != 1 else "1 image",
        "draw": f"minibatch seed {minibatch.seed}" if isinstance(minibatch, Draw) else "picked",
        "method": find_method(pruning).title,
        "mode": "BatchNorm in training mode" if unusual else "",
        "prunable": _label(field("pruning.prunable"), pruning.prunable),
        "init": Path(model.weights).name or _label(field("model.init"), model.init),
        "edits": describe_edits(pruning.edits),
        "seed": f"seed {recipe.seed}",
        "sparsity": sparsity_text(sparsity),
    }


def class_words(labels_K: NDArray[np.int64], names: Sequence[str]) -> str:
    """Return the classes of images as text: ``class 8``, ``classes 3, 8``, ``7 classes``."""
    found = [names[label] for label in np.unique(labels_K)]
    if len(found) == len(names):
        return "all classes"
    if len(found) == 1:
        return f"class {found[0]}"
    return f"classes {', '.join(found)}" if len(found) <= _MOST_NAMED else f"{len(found)} classes"


def name_states(states: Sequence[dict[str, str]]) -> list[str]:
    """Return a name for each state, given the parts that `state_parts` returns.

    A name consists of the classes, the sparsity, and every part in which any two states differ.
    Names that are still equal are numbered.
    """
    told = [key for key in (states[0] if states else ()) if _tells(key, states)]
    names = [", ".join(state[key] for key in told if state[key]) for state in states]
    times = Counter(names)
    seen: Counter[str] = Counter()
    for number, name in enumerate(names):
        if times[name] > 1:
            seen[name] += 1
            names[number] = f"{name} ({seen[name]})"
    return names


def _tells(key: str, states: Sequence[dict[str, str]]) -> bool:
    return key in _ALWAYS or len({state[key] for state in states}) > 1


def _label(of: Field, value: str) -> str:
    return dict(of.choices)[value]
