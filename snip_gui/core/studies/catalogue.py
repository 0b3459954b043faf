"""The list of studies: what each asks, and how it is made from a recipe. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.registry import Registry, load_target

if TYPE_CHECKING:
    from collections.abc import Callable

    from snip_gui.core.data.images.image_set import ImageSet
    from snip_gui.core.recipe.recipe import Recipe
    from snip_gui.core.studies.overlaps.overlap import Group, Repeat
    from snip_gui.core.studies.study import Study


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyOptions:
    """Settings of studies, of which each uses some.

    Attributes
    ----------
    seeds
        Seeds to repeat everything with.
    methods, sparsities
        Names of the methods to compare, and at which sparsities; empty for those of the study.
    passes
        How often each system may pass over the training images, all phases together; 0 for the
        schedule that each has.
    repeat
        Which seed is repeated.
    groups
        Recipes to compare, instead of the classes of the minibatch; empty for those.
    is_clustered
        Whether similar groups are put next to each other.
    read_images
        Reads the data set of the recipe.
    """

    seeds: tuple[int, ...]
    read_images: Callable[[], ImageSet]
    methods: tuple[str, ...] = ()
    sparsities: tuple[float, ...] = ()
    passes: int = 0
    repeat: Repeat = "seed"
    groups: tuple[Group, ...] = ()
    is_clustered: bool = False


@dataclass(frozen=True, slots=True)
class StudyInfo:
    """An entry of the list of studies.

    Attributes
    ----------
    make
        Module and function that makes the study of a `Recipe` and `StudyOptions`.
    takes_groups
        Whether it compares groups that are chosen.
    advice
        What to know before it is run; empty for nothing.
    """

    name: str
    title: str
    question: str
    make: str
    takes_groups: bool = False
    advice: str = ""


STUDIES = Registry(
    "study",
    "study",
    (
        StudyInfo(
            "overlap",
            "Overlap",
            "Do masks of different classes, methods or settings overlap more than chance, and is "
            "that so over several seeds?",
            "snip_gui.core.studies.overlaps.make:make_overlap",
            takes_groups=True,
        ),
        StudyInfo(
            "stability",
            "Stability",
            "How much do masks overlap that differ only in the seed, or in the images drawn?",
            "snip_gui.core.studies.overlaps.make:make_stability",
        ),
        StudyInfo(
            "leave-one-out",
            "Leave one out",
            "Which image of the minibatch moves the mask most?",
            "snip_gui.core.studies.overlaps.make:make_leave_one_out",
        ),
        StudyInfo(
            "exact-removal",
            "Exact removal",
            "How well does sensitivity predict what the removal of a connection does to the loss?",
            "snip_gui.core.studies.field.exact_removal:make_exact_removal",
        ),
        StudyInfo(
            "conservation",
            "Conservation",
            "Is the signed sensitivity that enters a hidden unit equal to what leaves it?",
            "snip_gui.core.studies.field.conservation:make_conservation",
        ),
        StudyInfo(
            "sanity-checks",
            "Sanity checks",
            "Does it matter which connections are kept, or only how many in each layer?",
            "snip_gui.core.studies.field.trained:make_sanity_checks",
        ),
        StudyInfo(
            "minibatch-size",
            "Minibatch size",
            "How does the error depend on the number of scored images?",
            "snip_gui.core.studies.field.trained:make_minibatch_sizes",
        ),
        StudyInfo(
            "layer-collapse",
            "Layer collapse",
            "At which sparsity does the network fall apart, and which layer goes first?",
            "snip_gui.core.studies.field.collapse:make_layer_collapse",
        ),
        StudyInfo(
            "lottery-ticket",
            "Lottery ticket",
            "How good is a sparse network that is found by training, rather than by SNIP?",
            "snip_gui.core.studies.field.tickets:make_lottery_ticket",
        ),
        StudyInfo(
            "random-tickets",
            "Random tickets",
            "Are the numbers that SNIP keeps in each layer enough, with other connections?",
            "snip_gui.core.studies.field.tickets:make_random_tickets",
        ),
        StudyInfo(
            "receptive-fields",
            "Receptive fields",
            "Does pruning make the receptive fields of hidden units local?",
            "snip_gui.core.studies.field.receptive_fields:make_receptive_fields",
        ),
        StudyInfo(
            "connectivity",
            "Linear mode connectivity",
            "Do two runs that differ only in the order of the images end in the same valley?",
            "snip_gui.core.studies.field.connectivity:make_connectivity",
        ),
        StudyInfo(
            "recovery",
            "Damage and recovery",
            "How much does pruning a trained network damage it, and how soon does it recover?",
            "snip_gui.core.studies.field.recovery:make_recovery",
        ),
        StudyInfo(
            "table-1",
            "Table 1",
            "What does pruning with SNIP cost a LeNet in test error, beside the paper's table 1?",
            "snip_gui.core.studies.paper.make:make_table_1",
        ),
        StudyInfo(
            "table-2",
            "Table 2",
            "What does pruning with SNIP cost a network of the paper's table 2 in test error?",
            "snip_gui.core.studies.paper.make:make_table_2",
            advice="Training these networks takes hours without a GPU (--device).",
        ),
        StudyInfo(
            "table-3",
            "Table 3",
            "Does the initialisation matter for SNIP, beside the paper's table 3?",
            "snip_gui.core.studies.paper.make:make_table_3",
        ),
        StudyInfo(
            "figure-1",
            "Figure 1",
            "How does the test error depend on the sparsity, beside the paper's figure 1?",
            "snip_gui.core.studies.paper.make:make_figure_1",
        ),
        StudyInfo(
            "figure-2",
            "Figure 2",
            "Which pixels does SNIP keep for each class, beside the paper's figure 2?",
            "snip_gui.core.studies.paper.tiles:make_figure_2",
        ),
        StudyInfo(
            "figure-3",
            "Figure 3",
            "How does the error depend on the number of scored images, beside figure 3?",
            "snip_gui.core.studies.paper.make:make_figure_3",
        ),
        StudyInfo(
            "figure-4",
            "Figure 4",
            "Does SNIP keep a network from fitting random labels, beside the paper's figure 4?",
            "snip_gui.core.studies.paper.labels:make_figure_4",
        ),
        StudyInfo(
            "figure-5",
            "Figure 5",
            "Which pixels does SNIP keep if the images are inverted, as in the paper's figure 5?",
            "snip_gui.core.studies.paper.tiles:make_figure_5",
        ),
        StudyInfo(
            "figure-6",
            "Figure 6",
            "Which pixels would the gradient keep for each class, beside the paper's figure 6?",
            "snip_gui.core.studies.paper.tiles:make_figure_6",
        ),
        StudyInfo(
            "figure-7",
            "Figure 7",
            "At which sparsity can a network no longer fit random labels, beside figure 7?",
            "snip_gui.core.studies.paper.labels:make_figure_7",
        ),
        StudyInfo(
            "systems",
            "Systems side by side",
            "What do pruning systems cost, and what do they keep of the accuracy?",
            "snip_gui.core.studies.systems.systems:make_systems",
        ),
    ),
)


SERIES = {
    "paper": (
        "figure-2",
        "table-1",
        "figure-6",
        "figure-3",
        "figure-1",
        "table-3",
        "figure-4",
        "figure-7",
        "figure-5",
        "table-2",
    ),
    "field": (
        "sanity-checks",
        "random-tickets",
        "exact-removal",
        "layer-collapse",
        "lottery-ticket",
        "receptive-fields",
        "recovery",
        "connectivity",
        "minibatch-size",
        "conservation",
        "stability",
        "leave-one-out",
    ),
}
"""Studies that are answered one after another, the most telling first."""


def make_study(name: str, recipe: Recipe, options: StudyOptions) -> Study:
    """Return a study of a recipe; raises `UserError` if it does not fit."""
    info = STUDIES[name]
    if options.groups and not info.takes_groups:
        raise UserError(
            f"The study “{name}” chooses what it compares itself.",
            "Leave out --each and --recipes, which are for the overlap study.",
        )
    study: Study = load_target(info.make)(recipe, options)
    return study
