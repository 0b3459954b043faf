"""Plug-ins: what installed packages add to the program, and which of them failed."""

from __future__ import annotations

from snip_gui.core.base.registry import Plugin, Unusable, describe_unusable
from snip_gui.core.data.sets.catalogue import DATASETS
from snip_gui.core.export.catalogue import FORMATS
from snip_gui.core.models.catalogue import MODELS
from snip_gui.core.recipe.methods import METHODS


def plugin_problems() -> tuple[str, ...]:
    """Return a sentence for each installed package of which something cannot be used."""
    by_package: dict[Plugin, list[Unusable]] = {}
    for registry in (METHODS, MODELS, DATASETS, FORMATS):
        for one in registry.unusable:
            by_package.setdefault(one.plugin, []).append(one)
    return tuple(describe_unusable(entries) for entries in by_package.values())
