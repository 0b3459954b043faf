"""Studies that compare trained networks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from snip_gui.core.base.errors import UserError
from snip_gui.core.recipe.json import with_value
from snip_gui.core.recipe.recipe import Draw
from snip_gui.core.studies.errors import Arm, ErrorStudy, Published
from snip_gui.core.studies.paper.published import (
    AYGONG,
    FIGURE_3,
    REPRODUCED_SIZES,
    from_paper,
)

if TYPE_CHECKING:
    from snip_gui.core.recipe.recipe import Recipe
    from snip_gui.core.studies.catalogue import StudyOptions

_SIZES = (1, 10, 100, 1000, 10_000)


def make_sanity_checks(recipe: Recipe, options: StudyOptions) -> ErrorStudy:
    """Compare SNIP with its mask shuffled or inverted within layers, and with other weights.

    After Su et al. (2020, arXiv:2009.11094) and Frankle et al. (2020, arXiv:2009.08576).
    """
    _refuse_other_methods(recipe)
    kept = with_value(recipe, "pruning.after", "keep")
    return ErrorStudy(
        "Does it matter which connections are kept, or only how many in each layer?",
        (
            Arm("SNIP", kept),
            Arm("shuffled within layers", with_value(kept, "pruning.method", "shuffled")),
            Arm("inverted within layers", with_value(kept, "pruning.method", "inverted")),
            Arm("reinitialised weights", with_value(kept, "pruning.after", "redraw")),
            Arm("random mask", with_value(kept, "pruning.method", "random")),
        ),
        options.seeds,
        baseline="SNIP",
        remark="Published (arXiv:2009.08576): on image classification, shuffling within layers and "
        "reinitialising do not raise the error of SNIP.",
    )


def make_minibatch_sizes(recipe: Recipe, options: StudyOptions) -> ErrorStudy:
    """Compare minibatches of one image up to ten thousand, drawn from all classes."""
    if not isinstance(recipe.minibatch, Draw):
        raise UserError(
            "The images of the minibatch were picked by hand, so their number cannot be varied.",
            "Choose a drawn minibatch.",
            field="minibatch.size",
        )
    images = options.read_images()
    available = round(len(images.train_labels_N) * (1 - recipe.data.validation_fraction))
    drawn = msgspec.structs.replace(recipe, minibatch=Draw(classes=(), seed=recipe.minibatch.seed))
    is_published = (
        recipe.model.name == "lenet-300-100"
        and recipe.data.name == "mnist"
        and recipe.pruning.sparsity == 0.9
        and recipe.pruning.method == "snip"
    )
    arms = []
    for size in (size for size in _SIZES if size <= available):
        published = (
            *from_paper(FIGURE_3[size], "figure 3"),
            Published(REPRODUCED_SIZES[size], AYGONG, is_reproduction=True),
        )
        arms.append(
            Arm(
                f"{size:,} images" if size > 1 else "1 image",
                with_value(drawn, "minibatch.size", size),
                published if is_published else (),
                x=float(size),
            )
        )
    baseline = next((arm.label for arm in arms if arm.label == "100 images"), "")
    return ErrorStudy(
        "How does the error depend on the number of scored images?",
        tuple(arms),
        options.seeds,
        baseline=baseline,
        remark=""
        if is_published
        else "The published errors are those of SNIP for LeNet-300-100 "
        "on MNIST at 90%, so none stand beside these.",
        x_label="scored images",
        x_form=",g",
        is_x_log=True,
    )


def _refuse_other_methods(recipe: Recipe) -> None:
    if recipe.pruning.method != "snip":
        raise UserError(
            "This study is about the masks of SNIP.",
            "Choose the method SNIP.",
            field="pruning.method",
        )
