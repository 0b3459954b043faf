"""Runs methods; those that packages add are checked, so that a mistake is named where it is made.

Without these checks a mistake in a package would end in an obscure error elsewhere, or in a wrong
result. Shapes: M prunable parameters, in the flat order of `Layout`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import torch

from snip_gui.core.base.registry import load_target
from snip_gui.core.graph.layout import num_kept_at
from snip_gui.core.pruning.events import Pruned
from snip_gui.core.pruning.mask_source import MaskSource
from snip_gui.core.pruning.ranking import NotFiniteScoreError, Ranking, WrongScoresError
from snip_gui.core.recipe.methods import METHODS
from snip_gui.core.training.regime import MaskChange, Outcome, Regime

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from torch import Tensor, nn

    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.base.errors import UserError
    from snip_gui.core.base.events import Event
    from snip_gui.core.graph.layout import Layout
    from snip_gui.core.pruning.masked_model import MaskedModel
    from snip_gui.core.pruning.workbench import Workbench
    from snip_gui.core.recipe.pruning import Method
    from snip_gui.core.training.regime import Moment


def run_method(
    method: Method, bench: Workbench, cancel: CancelToken
) -> Generator[Event, None, Pruned]:
    """Run a method on a workbench, yielding its events; return its result.

    Raises
    ------
    UserError
        If it is not a generator that yields a `Pruned`.
    Cancelled
        If cancelled meanwhile.
    """
    pruned: Pruned | None = None
    steps = load_target(method.prune)(bench)
    if not isinstance(steps, Iterable):
        problem = f"does not yield: “{method.prune}” must be a generator function"
        raise METHODS.fault(method.name, problem)
    for event in steps:
        cancel.raise_if_cancelled()
        if isinstance(event, Pruned):
            pruned = event
        else:
            yield event
    if pruned is None:
        raise METHODS.fault(method.name, f"gave no masks: “{method.prune}” yielded no Pruned")
    return pruned


def run_checked(
    method: Method, bench: Workbench, cancel: CancelToken
) -> Generator[Event, None, Pruned]:
    """Run a method that a package adds as `run_method` does, and check what it did.

    Raises
    ------
    UserError
        If its masks or scores cannot be used, or it changed the network; and as `run_method` does.
    """
    before = {name: values.clone() for name, values in _tensors(bench.model).items()}
    try:
        pruned = yield from run_method(method, bench, cancel)
    except NotFiniteScoreError as error:
        problem = f"gave a score in “{error.tensor}” that is not finite"
        raise METHODS.fault(method.name, problem) from error
    except WrongScoresError as error:
        raise METHODS.fault(method.name, f"gave {error}") from error
    problem = _find_changed(before, bench.model) or _find_wrong_result(pruned, bench, method)
    if problem:
        raise METHODS.fault(method.name, problem)
    return pruned


def _find_changed(before: Mapping[str, Tensor], model: nn.Module) -> str:
    """Return what of a network has changed; empty if nothing has."""
    after = _tensors(model)
    changed = [name for name, values in before.items() if not _is_same(values, after.get(name))]
    if changed:
        return f"changed “{changed[0]}” of the network, which it has to leave unchanged"
    return ""


def _tensors(model: nn.Module) -> dict[str, Tensor]:
    """Return all parameters and buffers by name."""
    return dict(model.named_parameters()) | dict(model.named_buffers())


@torch.no_grad()
def _is_same(one: Tensor, other: Tensor | None) -> bool:
    """Return whether two tensors are equal; NaN equals NaN."""
    if other is None or one.shape != other.shape:
        return False
    return bool(torch.equal(one, other)) or bool(((one == other) | (one != one)).all())


def _find_wrong_result(pruned: Pruned, bench: Workbench, method: Method) -> str:
    """Return what is wrong with the masks at the recipe's sparsity, or the rest; empty if fine."""
    layout, masks = bench.prunable.layout, pruned.masks
    if not isinstance(masks, MaskSource):
        return f"gave masks of type {type(masks).__name__}, which is not a MaskSource"
    gradient_M = pruned.gradient_M
    if gradient_M is not None and np.shape(gradient_M) != (layout.num_parameters,):
        return f"gave a gradient of another length than {layout.num_parameters:,}"
    scores_M = masks.scores
    # What a regime starts from is only a preview.
    if scores_M is not None and method.masks_for != "training" and np.ptp(scores_M) == 0:
        return "gave every connection the same score"
    if isinstance(masks, Ranking):
        return ""
    num_kept = masks.nearest(num_kept_at(bench.recipe.pruning.sparsity, layout.num_parameters))
    found = masks.mask_at(num_kept)
    number = sum(int(np.count_nonzero(mask)) for mask in found.values())
    if number != num_kept:
        return f"gave masks that keep {number:,} connections, instead of {num_kept:,}"
    return _find_wrong_mask(layout, found)


def _find_wrong_mask(layout: Layout, masks: Mapping[str, object]) -> str:
    """Return which mask is missing or has another shape than its tensor; empty if none."""
    for tensor in layout.tensors:
        if tensor.name not in masks:
            return f"gave no mask for “{tensor.name}”"
        shape = tuple(getattr(masks[tensor.name], "shape", ()))
        if shape != tensor.shape:
            return f"gave “{tensor.name}” a mask of shape {shape}, instead of {tensor.shape}"
    others = sorted(masks.keys() - {tensor.name for tensor in layout.tensors})
    return f"gave a mask for “{others[0]}”, which is not prunable" if others else ""


def checked(regime: Regime, name: str) -> Regime:
    """Return a regime of a package whose mistakes are named; raises `UserError` if it is none."""
    if not isinstance(regime, Regime):
        problem = f"has a regime of type {type(regime).__name__}, which is not a Regime"
        raise METHODS.fault(name, problem)
    return CheckedRegime(regime, name)


class CheckedRegime(Regime):
    """The regime of a method that a package adds: names the package in errors, and checks masks.

    Parameters
    ----------
    regime
        The regime of the package.
    name
        Name of the method.
    """

    def __init__(self, regime: Regime, name: str) -> None:
        self._regime, self._name = regime, name
        self.changes_masks, self.hold = regime.changes_masks, regime.hold

    def before_step(self, masked: MaskedModel, moment: Moment) -> MaskChange | None:
        """Change the masks before a step."""
        with METHODS.blaming(self._name):
            return self._checked(self._regime.before_step(masked, moment), masked)

    def after_step(self, masked: MaskedModel, moment: Moment) -> MaskChange | None:
        """Change the masks after a step."""
        with METHODS.blaming(self._name):
            return self._checked(self._regime.after_step(masked, moment), masked)

    def forward(self, model: nn.Module, inputs_BCHW: Tensor) -> Tensor:
        """Return the class scores (B, K) of a training step."""
        if type(self._regime).forward is Regime.forward:  # an error would be the network's
            return super().forward(model, inputs_BCHW)
        with METHODS.blaming(self._name):
            return self._regime.forward(model, inputs_BCHW)

    def penalty(self, masked: MaskedModel) -> Tensor | None:
        """Return a penalty to add to the loss."""
        with METHODS.blaming(self._name):
            return self._regime.penalty(masked)

    def change_gradients(self, masked: MaskedModel) -> None:
        """Change the gradients."""
        with METHODS.blaming(self._name):
            self._regime.change_gradients(masked)

    def outcome(self, masked: MaskedModel) -> Outcome | None:
        """Return what a training that ended now would result in."""
        with METHODS.blaming(self._name):
            outcome = self._regime.outcome(masked)
        if outcome is not None:
            self._checked(MaskChange(outcome.masks), masked)
        return outcome

    def parameters(self) -> Mapping[str, nn.Parameter]:
        """Return further parameters to train."""
        with METHODS.blaming(self._name):
            return self._regime.parameters()

    def state(self) -> dict[str, Tensor]:
        """Return the state for the checkpoint."""
        with METHODS.blaming(self._name):
            return self._regime.state()

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Restore the state."""
        with METHODS.blaming(self._name):
            self._regime.load_state(state)

    def _checked(self, change: MaskChange | None, masked: MaskedModel) -> MaskChange | None:
        """Return a change of the masks; raises `UserError` if it cannot be made."""
        if change is None:
            return None
        if not isinstance(change, MaskChange):
            raise self._fault(
                f"changed masks by a {type(change).__name__}, which is not a MaskChange"
            )
        if not self.changes_masks:
            raise self._fault("changed masks in a regime without “changes_masks = True”")
        for name, mask in change.masks.items():
            if not isinstance(mask, torch.Tensor):
                raise self._fault(
                    f"gave “{name}” a mask of type {type(mask).__name__}, not a tensor"
                )
        problem = _find_wrong_mask(masked.prunable.layout, change.masks)
        if problem:
            raise self._fault(problem)
        if not any(bool(mask.any()) for mask in change.masks.values()):
            raise self._fault("would remove every connection")
        return change

    def _fault(self, problem: str) -> UserError:
        return METHODS.fault(self._name, problem)
