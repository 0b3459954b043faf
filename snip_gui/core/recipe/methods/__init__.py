"""The pruning methods: their settings, and an entry for each in `METHODS`."""

from snip_gui.core.recipe.methods.controls import (
    Erk,
    Inverted,
    RandomMask,
    RandomTicket,
    Shuffled,
    Uniform,
)
from snip_gui.core.recipe.methods.criteria import (
    Grasp,
    Magnitude,
    ProsPr,
    SignedGradient,
    Snip,
    TwoOfFour,
)
from snip_gui.core.recipe.methods.given import GIVEN, GivenMasks
from snip_gui.core.recipe.methods.iterative import Force, IterativeSnip, NtkSap, SnipIt
from snip_gui.core.recipe.methods.registry import (
    METHODS,
    Pruning,
    find_method,
    method_named,
    unavailable_error,
)
from snip_gui.core.recipe.methods.relaxed import HardConcrete, SparseVariational
from snip_gui.core.recipe.methods.retraining import Han, Imp, LayerSurgeon
from snip_gui.core.recipe.methods.systems import LearningCompression, Surgery

__all__ = [
    "GIVEN",
    "METHODS",
    "Erk",
    "Force",
    "GivenMasks",
    "Grasp",
    "Han",
    "HardConcrete",
    "Imp",
    "Inverted",
    "IterativeSnip",
    "LayerSurgeon",
    "LearningCompression",
    "Magnitude",
    "NtkSap",
    "ProsPr",
    "Pruning",
    "RandomMask",
    "RandomTicket",
    "Shuffled",
    "SignedGradient",
    "Snip",
    "SnipIt",
    "SparseVariational",
    "Surgery",
    "TwoOfFour",
    "Uniform",
    "find_method",
    "method_named",
    "unavailable_error",
]
