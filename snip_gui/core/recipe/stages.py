"""The stages of the work, and which of them a change of the recipe makes stale.

BUILD (network, data, split) > SCORE (sensitivity of every connection) > PRUNE (mask at a sparsity)
> TRAIN. A result belongs to a recipe when the digests of its stage agree.
"""

from __future__ import annotations

import enum
import hashlib
from typing import TYPE_CHECKING

import msgspec

from snip_gui.core.recipe.training import ADDED_LATER, Training

if TYPE_CHECKING:
    from typing import Any

    from snip_gui.core.recipe.recipe import Recipe


class Stage(enum.StrEnum):
    """A stage; each builds on all before it."""

    BUILD = "build"
    SCORE = "score"
    PRUNE = "prune"
    TRAIN = "train"


# Fields of `pruning` that the ranking does not depend on.
_AFTER_RANKING = ("sparsity", "after")

# Where a file lies says nothing of a result; what is in it does, and that is its digest.
_PATHS = {"file": "file_digest", "weights": "weights_digest"}


def stage_keys(recipe: Recipe) -> dict[Stage, str]:
    """Return the digest of everything that each stage's result depends on."""
    raw = msgspec.to_builtins(recipe)
    ranking = {k: v for k, v in raw["pruning"].items() if k not in _AFTER_RANKING}
    model = dict(raw["model"])
    for path, digest in _PATHS.items():
        if model[digest]:
            del model[path]
    inputs = {
        Stage.BUILD: {"model": model} | {k: raw[k] for k in ("format", "data", "seed")},
        Stage.SCORE: {"minibatch": raw["minibatch"], "ranking": ranking},
        Stage.PRUNE: {"sparsity": raw["pruning"]["sparsity"]},
        Stage.TRAIN: {"after": raw["pruning"]["after"], "training": _training(raw)},
    }
    keys: dict[Stage, str] = {}
    previous = ""
    for stage in Stage:
        text = msgspec.json.encode([previous, inputs[stage]], order="deterministic")
        previous = hashlib.sha256(text).hexdigest()
        keys[stage] = previous
    return keys


def _training(raw: dict[str, Any]) -> dict[str, Any]:
    """Return the training part, without later fields at their defaults: old digests hold."""
    usual = msgspec.to_builtins(Training())
    return {k: v for k, v in raw["training"].items() if k not in ADDED_LATER or v != usual[k]}
