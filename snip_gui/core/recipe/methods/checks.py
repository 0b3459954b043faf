"""Checks of a pruning method that an installed package adds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Union, get_args

import msgspec

from snip_gui.core.base.registry import refuse_empty
from snip_gui.core.recipe.field import find_fields
from snip_gui.core.recipe.methods.criteria import Snip
from snip_gui.core.recipe.methods.given import GIVEN
from snip_gui.core.recipe.pruning import UNAVAILABLE, MasksFor, Method, PruningSpec
from snip_gui.core.recipe.training import Training

if TYPE_CHECKING:
    from collections.abc import Sequence


RESERVED_FLAGS = frozenset(
    ("accept-edits", "added-epochs", "added-rate", "again", "augmentation", "batch-size",
     "beside", "classes", "data-dir", "dataset", "decay-at", "decay-factor", "device",
     "edit", "epochs", "executor", "extend", "h", "help", "image-memory", "image-size", "init",
     "input-size", "labels", "learning-rate", "method", "minibatch-seed", "minibatch-size", "model",
     "model-file", "model-symbol", "momentum", "no-shrink", "no-skip-unreadable", "optimizer",
     "order", "out", "precision", "preset", "quiet", "recipe", "resume", "schedule", "seed",
     "seeds", "shrink", "skip-unreadable", "sparsities", "stop-after", "tensorboard", "threads",
     "trust-code", "validation-fraction", "weight-decay", "weights", "weights-key")
)  # fmt: skip
"""Flags of the command line that are not settings of a method, which may not use them."""


def check_method(method: Method, others: Sequence[Method]) -> None:
    """Raise if a method that a package adds cannot be used in a recipe, a form or a command."""
    if not isinstance(method, Method):
        raise TypeError(f"{method!r} is not a Method")
    if not issubclass(method.spec, PruningSpec):
        raise TypeError(f"{method.spec.__name__} does not derive from PruningSpec")
    if method.name in (UNAVAILABLE, GIVEN.name):
        raise ValueError(f"its tag “{method.name}” is reserved")
    refuse_empty(method, "title", "description", "score_name")
    if method.masks_for not in get_args(MasksFor):
        choices = ", ".join(get_args(MasksFor))
        raise ValueError(f"masks_for is “{method.masks_for}”, which is not one of {choices}")
    if method.masks_for == "training" and not method.regime:
        raise ValueError("masks_for is “training”, but it has no regime that finds the masks")
    for name in ("prune", "regime"):
        target = getattr(method, name)
        if ":" not in target and (target or name == "prune"):
            raise ValueError(f"its {name} is “{target}”, which does not name a module and function")
    _check_settings(method.spec, others)
    settings = method.spec.__struct_fields__
    for name in method.trains_with:
        if name not in settings:
            raise ValueError(f"trains_with names “{name}”, which is not one of its settings")
    if method.sweep is not None and method.sweep.setting not in settings:
        raise ValueError(f"sweep names “{method.sweep.setting}”, which is not one of its settings")
    known = {"training", *(f"training.{name}" for name in Training.__struct_fields__)}
    known |= {f"pruning.{name}" for name in settings}
    for path in method.depends_on:
        if path not in known:
            raise ValueError(f"depends_on names “{path}”, which is not a setting of the recipe")


def _check_settings(spec: type[PruningSpec], others: Sequence[Method]) -> None:
    """Raise if settings cannot be decoded, or have no form or flag of their own."""
    required = [field.name for field in msgspec.structs.fields(spec) if field.required]
    if required:
        raise ValueError(f"its setting “{required[0]}” has no default")
    # Settings that cannot be decoded would make every recipe unreadable.
    decoder = msgspec.json.Decoder(Union[spec, Snip])  # noqa: UP007 - built at run time
    if decoder.decode(msgspec.json.encode(spec())) != spec():
        raise ValueError(f"{spec.__name__} reads back differently")
    fields = {field.path: field for field in find_fields(msgspec.inspect.type_info(spec), "")}
    settings = set(spec.__struct_fields__) - set(PruningSpec.__struct_fields__)
    untitled = sorted(settings - fields.keys())
    if untitled:
        raise ValueError(f"its setting “{untitled[0]}” has no title: annotate it with Meta")
    taken = dict.fromkeys(RESERVED_FLAGS, "")
    for other in others:
        for field in find_fields(msgspec.inspect.type_info(other.spec), ""):
            taken |= dict.fromkeys(field.flags, field.path)
            own = fields.get(field.path)
            # Forms and flags are made once for all methods that have a setting of this name.
            if own is not None and own.values != field.values:
                raise ValueError(
                    f"its setting “{own.path}” is also one of “{other.name}”, of another type or "
                    "with other bounds: rename it"
                )
    for field in fields.values():
        for flag in field.flags:
            if taken.setdefault(flag, field.path) != field.path:
                raise ValueError(
                    f"its setting “{field.path}” would have the flag --{flag}, which has another "
                    "meaning: rename it"
                )
