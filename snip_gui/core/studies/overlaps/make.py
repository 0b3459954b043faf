"""Makes the studies of overlap from a recipe and the options of studies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snip_gui.core.recipe.recipe import Draw
from snip_gui.core.studies.overlaps.leave_one_out import LeaveOneOutStudy, leave_one_out
from snip_gui.core.studies.overlaps.overlap import Group, OverlapStudy, class_groups

if TYPE_CHECKING:
    from snip_gui.core.recipe.recipe import Recipe
    from snip_gui.core.studies.catalogue import StudyOptions


def make_overlap(recipe: Recipe, options: StudyOptions) -> OverlapStudy:
    """Compare the chosen groups, or else the classes of the minibatch, or else all classes."""
    groups = options.groups
    if not groups:
        classes = recipe.minibatch.classes if isinstance(recipe.minibatch, Draw) else ()
        groups = class_groups(recipe, classes or options.read_images().classes)
    return OverlapStudy(groups, options.seeds, options.repeat, options.is_clustered)


def make_stability(recipe: Recipe, options: StudyOptions) -> OverlapStudy:
    """Compare the masks of a recipe with different seeds."""
    return OverlapStudy((Group("this recipe", recipe),), options.seeds, options.repeat)


def make_leave_one_out(recipe: Recipe, options: StudyOptions) -> LeaveOneOutStudy:
    """Compare the mask of a minibatch with those without each of its images."""
    images = options.read_images()
    return leave_one_out(recipe, images.train_labels_N, images.classes)
