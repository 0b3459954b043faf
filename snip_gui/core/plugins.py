"""Plug-ins: what installed packages add to the program, and which of them failed."""

from __future__ import annotations

from snip_gui.core.data.sets.catalogue import DATASETS
from snip_gui.core.export.catalogue import FORMATS
from snip_gui.core.models.catalogue import MODELS
from snip_gui.core.recipe.methods import METHODS


def plugin_problems() -> tuple[str, ...]:
    """Return a sentence for each entry point of an installed package that cannot be used."""
    return METHODS.problems + MODELS.problems + DATASETS.problems + FORMATS.problems
