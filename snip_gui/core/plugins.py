"""What installed packages add to this program, and what they fail to add."""

from __future__ import annotations

from snip_gui.core.data.sets.catalogue import DATASETS
from snip_gui.core.export.catalogue import FORMATS
from snip_gui.core.models.catalogue import MODELS
from snip_gui.core.recipe.methods import METHODS


def plugin_problems() -> tuple[str, ...]:
    """Return a sentence for each entry of an installed package that cannot be used."""
    return METHODS.problems + MODELS.problems + DATASETS.problems + FORMATS.problems
