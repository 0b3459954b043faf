"""The table of pruning methods.

Nothing else lists methods: recipes are decoded with the settings of its entries, and forms, flags,
``snip-gui list methods``, grids and sweeps are generated from them. No torch: an entry names the
function that does the work, which is imported when it runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias, Union

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.registry import Registry, install_hint
from snip_gui.core.recipe.methods.checks import check_method
from snip_gui.core.recipe.methods.controls import CONTROLS
from snip_gui.core.recipe.methods.criteria import CRITERIA
from snip_gui.core.recipe.methods.given import GIVEN
from snip_gui.core.recipe.methods.iterative import ITERATIVE
from snip_gui.core.recipe.methods.relaxed import RELAXED
from snip_gui.core.recipe.methods.systems import SYSTEMS
from snip_gui.core.recipe.pruning import Method, PruningSpec, Unavailable

GROUP = "snip_gui.methods"
"""The entry-point group through which installed packages add methods."""

METHODS: Registry[Method] = Registry(
    "pruning method",
    "pruning.method",
    (*CRITERIA, *ITERATIVE, *CONTROLS, *SYSTEMS, *RELAXED),
    plugins=GROUP,
    check=check_method,
)

if TYPE_CHECKING:
    Pruning: TypeAlias = PruningSpec
else:
    # msgspec decodes a union of the settings of all methods, distinguished by their tags.
    _specs = (*(method.spec for method in METHODS), GIVEN.spec, Unavailable)
    Pruning = Union[_specs]  # noqa: UP007 - built at run time


def find_method(pruning: PruningSpec) -> Method:
    """Return the entry of the method in the pruning part of a recipe.

    Raises
    ------
    UserError
        If the package that provides it is not installed, is broken, or is a version with other
        settings.
    """
    if isinstance(pruning, Unavailable):
        raise unavailable_error(pruning.name, pruning.requirement)
    return method_named(pruning.method)


def method_named(name: str) -> Method:
    """Return the entry of a method by name; raises `UserError` if there is none."""
    return GIVEN if name == GIVEN.name else METHODS[name]


def unavailable_error(name: str, requirement: str) -> UserError:
    """Return the error that says why the method of a recipe cannot be used here.

    Parameters
    ----------
    requirement
        The package that the recipe names, as a requirement for pip.
    """
    plugin, problem = METHODS.get_plugin(name), METHODS.find_problem(name)
    message, hint = f"The recipe needs “{name}”, which is not installed.", install_hint(requirement)
    if plugin is not None:
        message = (
            f"The recipe has settings of the pruning method “{name}” that the installed package "
            f"{plugin} does not accept."
        )
    elif problem:
        message = problem
        hint = f"If you trust it, reinstall it: pip install --force-reinstall '{requirement}'"
    return UserError(message, hint, field="pruning.method")
