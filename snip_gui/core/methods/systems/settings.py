"""Shared by systems: settings that are given for all layers or for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snip_gui.core.base.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from snip_gui.core.graph.layout import Layout
    from snip_gui.core.recipe.pruning import PruningSpec
    from snip_gui.core.recipe.recipe import Recipe


def by_layer(values: Sequence[float], layout: Layout, field: str) -> dict[str, float]:
    """Return a setting's value for each layer.

    Parameters
    ----------
    values
        One for all layers, or one for each.
    field
        Dotted name of the setting.

    Raises
    ------
    UserError
        If there is another number of values.
    """
    layers = layout.layers
    if len(values) not in (1, len(layers)):
        raise UserError(
            f"{len(values)} values are given for {len(layers)} layers.",
            f"Give one for all layers, or one for each of: {', '.join(layers)}.",
            field=field,
        )
    return dict(zip(layers, values if len(values) > 1 else [*values] * len(layers), strict=True))


def refuse_sparsity(spec: PruningSpec, instead: str) -> None:
    """Raise `UserError` if a sparsity is set for a system whose sparsity is an outcome.

    Parameters
    ----------
    instead
        What determines the sparsity, such as “the threshold factors”.
    """
    if spec.sparsity:
        raise UserError(
            f"“{spec.method}” cannot be given a sparsity: it is an outcome of training.",
            f"Set the sparsity to 0, and change {instead} for a sparser or denser network.",
            field="pruning.sparsity",
            proposal=0.0,
        )


def refuse_sgd(recipe: Recipe) -> None:
    """Raise `UserError` for an optimiser that does not adapt its rate to small gradients."""
    if recipe.training.optimizer == "sgd":
        raise UserError(
            f"“{recipe.pruning.method}” cannot be trained with SGD: the gradients of its own "
            "parameters are far smaller than those of the weights.",
            "Choose Adam, with a learning rate near 0.001.",
            field="training.optimizer",
        )
