"""Checks that a user-supplied network can be scored and trained, by passing blank images.

Shapes: B images, C channels, H rows, W columns, K classes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.network_state import load_state, stored_state, unstorable_state
from snip_gui.core.models.own.running import explain_failure

if TYPE_CHECKING:
    from torch import Tensor, nn

    from snip_gui.core.recipe.recipe import ModelChoice

_PROBABLY = 1e-3


def check_scores(
    model: nn.Module, choice: ModelChoice, shape: tuple[int, int, int], num_classes: int
) -> None:
    """Check that a network accepts two images (C, H, W) and returns a score for each class.

    Raises
    ------
    UserError
        If it does not.
    """
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            _scores(model, choice, torch.zeros(2, *shape), num_classes)
    finally:
        model.train(was_training)


def try_passes(
    model: nn.Module, choice: ModelChoice, shape: tuple[int, int, int], num_classes: int
) -> tuple[str, ...]:
    """Check that a network can be evaluated, scored and trained; return remarks for the log.

    One image and two in evaluation mode (the last batch may contain just one), two in training mode
    (BatchNorm needs two), and a backward pass in each mode. The network's buffers change.

    Raises
    ------
    UserError
        If one of these fails, with the line of the user's file at fault.
    """
    generator = torch.Generator().manual_seed(0)
    for is_training, num_images in ((False, 2), (False, 1), (True, 2)):
        model.train(is_training)
        images_BCHW = torch.randn(num_images, *shape, generator=generator)
        scores_BK = _scores(model, choice, images_BCHW, num_classes)
        _check_backward(model, choice, scores_BK)
    model.eval()
    _check_state(model, choice)
    with torch.no_grad():
        return _remarks(choice, model(torch.randn(16, *shape, generator=generator)))


def _scores(model: nn.Module, choice: ModelChoice, images_BCHW: Tensor, num_classes: int) -> Tensor:
    """Return the class scores (B, K) of images; raises `UserError` if there are none."""
    num_images = len(images_BCHW)
    size = "x".join(map(str, images_BCHW.shape[1:]))
    count = "one image" if num_images == 1 else "two images"
    mode = " in training mode" if model.training else ""
    try:
        scores = model(images_BCHW)
    except Exception as error:  # user-supplied code may raise anything
        what = f"“{choice.symbol}” cannot take {count} of {size}{mode}"
        raise explain_failure(what, error) from error
    if not isinstance(scores, torch.Tensor):
        raise UserError(
            f"“{choice.symbol}” gives {type(scores).__name__} for {count}{mode}, not class scores.",
            "Return one tensor of class scores in both modes; leave auxiliary outputs out.",
            field="model.symbol",
        )
    if tuple(scores.shape) != (num_images, num_classes):
        hint = "Its last layer must have one output per class; accept num_classes as a parameter."
        if tuple(scores.shape) == (num_classes,):
            hint = "Keep the batch axis, which squeeze() removes for a single image."
        raise UserError(
            f"“{choice.symbol}” gives {tuple(scores.shape)} for {count} of {num_classes} "
            f"classes{mode}, not class scores of shape ({num_images}, {num_classes}).",
            hint,
            field="model.symbol",
        )
    if not scores.is_floating_point():
        raise UserError(
            f"“{choice.symbol}” gives scores of type {str(scores.dtype).removeprefix('torch.')}.",
            "Class scores are real floating-point numbers.",
            field="model.symbol",
        )
    return scores


def _check_backward(model: nn.Module, choice: ModelChoice, scores_BK: Tensor) -> None:
    """Raise `UserError` if the scores have no gradients."""
    mode = " in training mode" if model.training else ""
    parameters = [p for p in model.parameters() if p.requires_grad]
    if not parameters:
        return  # nothing to prune, which is reported elsewhere
    if not scores_BK.requires_grad:
        raise UserError(
            f"The scores of “{choice.symbol}” have no gradient{mode}.",
            "Sensitivity is computed from gradients: remove detach() and torch.no_grad() from "
            "forward.",
            field="model.symbol",
        )
    loss = torch.nn.functional.cross_entropy(scores_BK, scores_BK.argmax(1))
    try:
        torch.autograd.grad(loss, parameters, allow_unused=True)
    except Exception as error:  # user-defined or in-place operations
        what = f"“{choice.symbol}” has no backward pass{mode}"
        raise explain_failure(what, error) from error


def compare_anew(
    model: nn.Module, again: nn.Module, choice: ModelChoice, shape: tuple[int, int, int]
) -> tuple[str, ...]:
    """Check that a network's state_dict holds all its weights; return remarks for the log.

    Parameters
    ----------
    again
        The same network, created and initialised once more; the state of the first is loaded.

    Raises
    ------
    UserError
        If its scores are different then: a resumed or exported run would be another network.
    """
    if unstorable_state(model):
        return ()  # the log says so
    load_state(again, stored_state(model))
    images_BCHW = torch.randn(4, *shape, generator=torch.Generator().manual_seed(1))
    scores_BK = _seeded_scores(model, images_BCHW, 0)
    if not _are_close(scores_BK, _seeded_scores(model, images_BCHW, 1)):
        return (
            f"The scores of “{choice.symbol}” are random even in evaluation mode, so exports "
            "cannot be verified.",
        )
    if not _are_close(scores_BK, _seeded_scores(again, images_BCHW, 0)):
        raise UserError(
            f"“{choice.symbol}” has weights that its state_dict lacks: created anew with the same "
            "state, it gives different scores.",
            "Keep layers in nn.ModuleList rather than in a list, and tensors as nn.Parameter or "
            "with register_buffer.",
            field="model.symbol",
        )
    return ()


@torch.no_grad()
def _seeded_scores(model: nn.Module, images_BCHW: Tensor, seed: int) -> Tensor:
    """Return the scores of images in evaluation mode, with torch's generator seeded."""
    model.eval()
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        scores_BK: Tensor = model(images_BCHW.clone())
    return scores_BK


def _are_close(one: Tensor, other: Tensor) -> bool:
    return torch.allclose(one, other, rtol=1e-4, atol=1e-6, equal_nan=True)


def _check_state(model: nn.Module, choice: ModelChoice) -> None:
    """Raise a `UserError` if a network cannot give its state and take it again."""
    try:
        load_state(model, stored_state(model))
    except Exception as error:  # user-supplied code may raise anything
        raise explain_failure(f"“{choice.symbol}” cannot save and load its state", error) from error


def _remarks(choice: ModelChoice, scores_BK: Tensor) -> tuple[str, ...]:
    """Return warnings of likely mistakes: scores that look like probabilities."""
    ones = torch.ones(len(scores_BK))
    found = [
        name
        for name, sums_B in (
            ("softmax", scores_BK.sum(1) if bool((scores_BK >= 0).all()) else None),
            ("log-softmax", scores_BK.exp().sum(1)),
        )
        if sums_B is not None and bool(((sums_B.float() - ones).abs() < _PROBABLY).all())
    ]
    return tuple(
        f"The scores of “{choice.symbol}” look like the output of a {name}. The loss applies its "
        "own softmax: return the scores before it."
        for name in found
    )
