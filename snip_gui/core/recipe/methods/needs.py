"""What a pruning method needs: images, training before it prunes, and choices (paper, table 1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from snip_gui.core.recipe.field import find_fields
from snip_gui.core.recipe.methods.criteria import Snip
from snip_gui.core.recipe.pruning import ScoringSpec
from snip_gui.core.recipe.training import Training

if TYPE_CHECKING:
    from snip_gui.core.recipe.field import Field
    from snip_gui.core.recipe.pruning import Method


@dataclass(frozen=True, slots=True)
class Needs:
    """What a method needs.

    Attributes
    ----------
    images
        ``minibatch``, ``training`` (only the images that the network is trained on) or ``none``.
    pretraining
        Whether the dense network is trained first.
    pruning
        When connections are removed: ``before training``, ``in rounds`` or ``while training``.
    settings
        Settings that SNIP does not have.
    """

    images: str
    pretraining: bool
    pruning: str
    settings: tuple[Field, ...]

    @property
    def text(self) -> str:
        """All of it in a sentence."""
        images = {
            "minibatch": "Scores a minibatch",
            "training": "Uses the training images",
            "none": "Needs no images",
        }[self.images]
        pretraining = "trains the dense network first" if self.pretraining else "no pretraining"
        count = len(self.settings)
        number = {0: "no settings", 1: "one setting"}.get(count, f"{count} settings")
        return f"{images}; {pretraining}; prunes {self.pruning}; {number} of its own."


def find_needs(method: Method) -> Needs:
    """Return what a method needs with its default settings."""
    spec = method.spec()
    purposes = [phase.purpose for phase in spec.phases(Training())]
    trains = method.masks_for == "training"
    pruning = "before training"
    if trains:
        pruning = "while training" if "pruning" in purposes else "in rounds"
    images = "training" if trains else "none"
    if isinstance(spec, ScoringSpec):
        images = "minibatch"
    return Needs(images, "pretraining" in purposes, pruning, own_settings(method.spec))


def own_settings(spec: type) -> tuple[Field, ...]:
    """Return the settings of a method that SNIP does not have."""
    fields = find_fields(msgspec.inspect.type_info(spec), "pruning")
    return tuple(one for one in fields if one.path.rpartition(".")[2] not in Snip.__struct_fields__)
