"""The stages of a computation, and which of them a change of the recipe makes stale.

BUILD (network, data, split) > SCORE (sensitivity of every connection) > PRUNE (mask at a sparsity)
> TRAIN. A result belongs to a recipe if the digests of its stage agree.
"""

from __future__ import annotations

import enum
import hashlib
from typing import TYPE_CHECKING

import msgspec

from snip_gui.core.recipe.methods import find_method
from snip_gui.core.recipe.pruning import Unavailable
from snip_gui.core.recipe.training import ADDED_LATER, Training

if TYPE_CHECKING:
    from typing import Any

    from snip_gui.core.recipe.recipe import Recipe


class Stage(enum.StrEnum):
    """A stage; each builds on all previous ones."""

    BUILD = "build"
    SCORE = "score"
    PRUNE = "prune"
    TRAIN = "train"


# Fields of `pruning` that the ranking does not depend on.
_AFTER_RANKING = ("sparsity", "after")

# Fields added later, dropped at their defaults, so that digests of old recipes stay valid.
_LATER_MODEL = ("weights_key",)
_LATER_SETTINGS = {
    "batches": 1,
    "granularity": "connection",
    "gather": "sum",
    "l1": 0.0,
    "lower_dropout": False,
    "drop_units": False,
    "edits": (),
}

# A result depends on the contents of a file, hence on its digest, but not on its path.
_PATHS = {"file": "file_digest", "weights": "weights_digest"}


def stage_keys(recipe: Recipe) -> dict[Stage, str]:
    """Return the digest of everything that each stage's result depends on."""
    raw = msgspec.to_builtins(recipe)
    method = None if isinstance(recipe.pruning, Unavailable) else find_method(recipe.pruning)
    later = (*_AFTER_RANKING, *(method.trains_with if method else ()))
    settings = {k: v for k, v in raw["pruning"].items() if not _is_unset(k, v)}
    ranking = {k: v for k, v in settings.items() if k not in later}
    if ranking.get("file_digest"):  # of masks from a file
        del ranking["file"]
    model = {k: v for k, v in raw["model"].items() if v or k not in _LATER_MODEL}
    for path, digest in _PATHS.items():
        if model[digest]:
            del model[path]
    inputs: dict[Stage, dict[str, Any]] = {
        Stage.BUILD: {"model": model} | {k: raw[k] for k in ("format", "data", "seed")},
        Stage.SCORE: {"minibatch": raw["minibatch"], "ranking": ranking},
        Stage.PRUNE: {"sparsity": raw["pruning"]["sparsity"]},
        Stage.TRAIN: {"after": raw["pruning"]["after"], "training": _training(raw)},
    }
    # Only if there are any, so that digests of other methods stay valid.
    if method and method.depends_on:
        inputs[Stage.SCORE]["depends_on"] = {path: _value(raw, path) for path in method.depends_on}
    if method and method.trains_with:
        inputs[Stage.TRAIN]["method"] = {
            k: settings[k] for k in method.trains_with if k in settings
        }
    keys: dict[Stage, str] = {}
    previous = ""
    for stage in Stage:
        text = msgspec.json.encode([previous, inputs[stage]], order="deterministic")
        previous = hashlib.sha256(text).hexdigest()
        keys[stage] = previous
    return keys


def _is_unset(name: str, value: object) -> bool:
    """Return whether a setting that was added later has its default."""
    return name in _LATER_SETTINGS and value == _LATER_SETTINGS[name]


def _value(raw: dict[str, Any], path: str) -> Any:  # noqa: ANN401 - of any part
    """Return the value of a recipe at a dotted path."""
    for name in path.split("."):
        raw = raw[name]
    return raw


def _training(raw: dict[str, Any]) -> dict[str, Any]:
    """Return the training part; later fields at their defaults are dropped to keep old digests."""
    usual = msgspec.to_builtins(Training())
    return {k: v for k, v in raw["training"].items() if k not in ADDED_LATER or v != usual[k]}
