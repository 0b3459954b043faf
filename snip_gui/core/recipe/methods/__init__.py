"""The pruning methods: their settings, and an entry for each in `METHODS`."""

from snip_gui.core.recipe.methods.controls import RandomMask, Shuffled
from snip_gui.core.recipe.methods.criteria import Grasp, Magnitude, SignedGradient, Snip
from snip_gui.core.recipe.methods.iterative import Force, IterativeSnip, SnipIt
from snip_gui.core.recipe.methods.registry import METHODS, Pruning, find_method, unavailable_error
from snip_gui.core.recipe.methods.systems import Han, LearningCompression, Surgery

__all__ = [
    "METHODS",
    "Force",
    "Grasp",
    "Han",
    "IterativeSnip",
    "LearningCompression",
    "Magnitude",
    "Pruning",
    "RandomMask",
    "Shuffled",
    "SignedGradient",
    "Snip",
    "SnipIt",
    "Surgery",
    "find_method",
    "unavailable_error",
]
