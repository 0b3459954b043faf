"""Mistakes of methods that packages add are named, with the method and the package."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.errors import UserError
from snip_gui.core.base.events import run_to_end
from snip_gui.core.methods.one_shot import rank
from snip_gui.core.methods.scoring import describe_scoring, make_regime, prune
from snip_gui.core.pruning.events import Pruned
from snip_gui.core.pruning.mask_source import MaskSource, OneMask
from snip_gui.core.pruning.masked_model import MaskedModel
from snip_gui.core.recipe.methods import METHODS, RandomMask
from snip_gui.core.recipe.recipe import Recipe
from snip_gui.core.training.regime import MaskChange, Moment, Regime
from tests.core.plugins import add_entry, add_module

RANDOM = Recipe(pruning=RandomMask())
PACKAGE = "The pruning method “random” of the package snip-power 1.2"


@pytest.fixture
def bench(make_bench):
    return make_bench(RANDOM)


@pytest.fixture
def as_package(monkeypatch):
    """Replaces the random mask by a method of a package."""

    def add(prune=None, target="power_work:prune", **changes):
        add_module(monkeypatch, "power_work", prune=prune)
        row = dataclasses.replace(METHODS["random"], prune=target, **changes)
        add_entry(monkeypatch, METHODS, row)

    return add


def scores_of(bench):
    return np.arange(bench.prunable.layout.num_parameters, dtype=np.float32)


def yields(make):
    """A method that yields what a function makes of the workbench."""

    def method(bench):
        yield make(bench)

    return method


def ranks(change):
    """A method that ranks changed scores."""
    return yields(lambda bench: Pruned(rank(bench, change(scores_of(bench)))))


class Masks(MaskSource):
    """Masks of some function of a tensor."""

    def __init__(self, layout, make, number=7):
        self.layout, self._make, self._number = layout, make, number

    def nearest(self, num_kept):
        return self._number

    def get_mask(self, tensor, num_kept):
        return self._make(tensor)


def scale(bench):
    with torch.no_grad():
        bench.model.fc1.weight.mul_(10)
    yield Pruned(rank(bench, scores_of(bench)))


def with_nan(score_M):
    score_M[0] = np.nan
    return score_M


MISTAKES = {
    "NaN": (ranks(with_nan), "gave a score in “fc1.weight” that is not finite."),
    "too large": (
        ranks(lambda s: s.astype(np.float64) * 1e300),
        "“fc1.weight” that is not finite.",
    ),
    "too few": (ranks(lambda s: s[1:]), "gave 266,609 scores for 266,610 connections."),
    "a matrix": (ranks(lambda s: s[:, None]), "gave 266,610x1 scores for 266,610 connections."),
    "complex": (ranks(lambda s: s * 1j), "gave scores of the type complex64."),
    "zero": (ranks(lambda s: s * 0), "gave every connection the same score."),
    "nothing": (lambda _bench: iter(()), "yielded no Pruned."),
    "no generator": (
        lambda bench: Pruned(rank(bench, scores_of(bench))),
        "does not yield: “power_work:prune” must be a generator function.",
    ),
    "an array": (
        yields(lambda bench: Pruned(scores_of(bench))),
        "gave masks of type ndarray, which is not a MaskSource.",
    ),
    "a gradient": (
        yields(lambda bench: Pruned(rank(bench, scores_of(bench)), gradient_M=np.zeros(3))),
        "another length than 266,610.",
    ),
    "flat masks": (
        yields(lambda bench: Pruned(Masks(bench.prunable.layout, lambda t: np.zeros(t.size), 0))),
        "gave “fc1.weight” a mask of shape (235200,), instead of (300, 784).",
    ),
    "other number": (
        yields(lambda bench: Pruned(Masks(bench.prunable.layout, lambda t: np.ones(t.shape)))),
        "gave masks that keep 266,610 connections, instead of 7.",
    ),
    "scaled weights": (scale, "changed “fc1.weight” of the network"),
}


@pytest.mark.parametrize("kind", MISTAKES)
def test_a_mistake_of_a_method_is_a_sentence_that_names_the_package(as_package, bench, kind):
    method, said = MISTAKES[kind]
    as_package(method)
    with pytest.raises(UserError) as caught:
        run_to_end(prune(bench, CancelToken()))
    assert caught.value.message.startswith(PACKAGE)
    assert said in caught.value.message


def test_a_method_without_mistakes_is_run(as_package, bench):
    as_package(ranks(lambda score_M: score_M))
    scored = run_to_end(prune(bench, CancelToken()))
    assert scored.masks.order_M[0] == len(scores_of(bench)) - 1


def test_a_misspelt_function_is_named_with_its_module_and_package(as_package, bench):
    as_package(target="power_work:prun")
    with pytest.raises(AttributeError, match="power_work has no “prun”") as caught:
        run_to_end(prune(bench, CancelToken()))
    assert caught.value.__notes__ == ["Raised by the package snip-power 1.2."]


def test_masks_without_scores_are_not_said_to_have_zero_ones(as_package, bench):
    as_package(
        yields(
            lambda bench: Pruned(
                OneMask(bench.prunable.layout, rank(bench, scores_of(bench)).mask_at(9))
            )
        )
    )
    assert "of them with zero" not in describe_scoring(run_to_end(prune(bench, CancelToken())))


def masks_of(masked, make=lambda tensor: tensor.clone()):
    return {name: make(mask) for name, mask in masked.masks().items()}


class Careless(Regime):
    """A regime whose change of the masks is made by a function."""

    changes_masks = True
    make = None

    def after_step(self, masked, moment):
        return type(self).make(masked)


REGIMES = {
    "no mask": (lambda m: MaskChange({}), "gave no mask for “fc1.weight”."),
    "flat": (
        lambda m: MaskChange(masks_of(m, lambda mask: mask.flatten())),
        "gave “fc1.weight” a mask of shape (235200,), instead of (300, 784).",
    ),
    "unknown": (
        lambda m: MaskChange(masks_of(m) | {"other": torch.ones(3)}),
        "gave a mask for “other”, which is not prunable.",
    ),
    "arrays": (
        lambda m: MaskChange(masks_of(m, lambda mask: mask.numpy())),
        "gave “fc1.weight” a mask of type ndarray, not a tensor.",
    ),
    "everything": (
        lambda m: MaskChange(masks_of(m, torch.zeros_like)),
        "would remove every connection.",
    ),
    "a dictionary": (masks_of, "changed masks by a dict, which is not a MaskChange."),
}
MOMENT = Moment(1, 10, 0, 1)


@pytest.fixture
def masked(bench):
    layout = bench.prunable.layout
    masks = {tensor.name: np.ones(tensor.shape, bool) for tensor in layout.tensors}
    return MaskedModel(bench.model, bench.prunable, masks)


@pytest.mark.parametrize("kind", REGIMES)
def test_a_mistake_of_a_regime_is_a_sentence_that_names_the_package(
    monkeypatch, as_package, bench, masked, kind
):
    make, said = REGIMES[kind]
    add_module(monkeypatch, "power_regime", make=lambda _bench: Careless())
    monkeypatch.setattr(Careless, "make", staticmethod(make))
    as_package(masks_for="training", regime="power_regime:make")
    with pytest.raises(UserError) as caught:
        make_regime(bench).after_step(masked, MOMENT)
    assert caught.value.message == f"{PACKAGE} {said}"


def test_masks_change_only_in_a_regime_that_says_so(monkeypatch, as_package, bench, masked):
    add_module(monkeypatch, "power_regime", make=lambda _bench: Careless())
    monkeypatch.setattr(Careless, "make", staticmethod(lambda m: MaskChange(masks_of(m))))
    as_package(masks_for="training", regime="power_regime:make")
    assert isinstance(make_regime(bench).after_step(masked, MOMENT), MaskChange)
    monkeypatch.setattr(Careless, "changes_masks", False)
    with pytest.raises(UserError, match="without “changes_masks = True”"):
        make_regime(bench).after_step(masked, MOMENT)


def test_an_error_in_a_regime_names_the_package(monkeypatch, as_package, bench, masked):
    def fail(_masked):
        raise LookupError("nothing there")

    add_module(monkeypatch, "power_regime", make=lambda _bench: Careless(), other=lambda _bench: 3)
    monkeypatch.setattr(Careless, "make", staticmethod(fail))
    as_package(masks_for="training", regime="power_regime:make")
    with pytest.raises(LookupError) as caught:
        make_regime(bench).after_step(masked, MOMENT)
    assert caught.value.__notes__ == ["Raised by the package snip-power 1.2."]
    as_package(masks_for="training", regime="power_regime:other")
    with pytest.raises(UserError, match="which is not a Regime"):
        make_regime(bench)
