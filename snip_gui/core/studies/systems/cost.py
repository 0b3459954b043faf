"""Estimated time of a comparison of systems. No torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snip_gui.core.recipe.json import with_value
from snip_gui.core.reports.estimate import estimate

if TYPE_CHECKING:
    from snip_gui.core.data.images.image_set import ImageSet
    from snip_gui.core.models.architecture import Architecture
    from snip_gui.core.pruning.scored import Scored
    from snip_gui.core.studies.systems.systems import SystemsStudy

# Time of a training step relative to that of the dense network, as measured by the benchmarks;
# 1 for all others.
_STEPS = {"dns": 1.2, "lc": 1.1, "sparse-vd": 1.9, "l0": 1.6}


def estimate_systems(
    study: SystemsStudy, architecture: Architecture, images: ImageSet, scored: Scored | None
) -> float | None:
    """Return the seconds that all trainings take, one after another.

    Parameters
    ----------
    scored
        A scoring of the network, whose duration indicates its speed.

    Returns
    -------
    float or None
        None if there is no scoring.
    """
    total = 0.0
    for arm in study.arms:
        dense = with_value(arm.recipe, "pruning.method", "snip")
        found = estimate(dense, architecture, images, scored).seconds
        if found is None:
            return None
        per_epoch = found / dense.num_epochs
        factor = _STEPS.get(arm.recipe.pruning.method, 1.0)
        total += factor * per_epoch * arm.recipe.num_epochs
    return total * len(study.seeds)
