from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.events import run_to_end
from snip_gui.core.methods import scoring
from snip_gui.core.methods.one_shot import score_minibatch
from snip_gui.core.methods.rounds import exponential, iterate
from snip_gui.core.pruning import scored as scored_module
from snip_gui.core.pruning.events import Pruned
from snip_gui.core.pruning.ranking import rank_scores
from snip_gui.core.recipe.methods import METHODS, Snip
from snip_gui.core.recipe.recipe import Draw, Recipe

RECIPE = Recipe(minibatch=Draw(size=20), pruning=Snip(sparsity=0.9))
M = 266_610


def sensitivity(bench):
    return run_to_end(score_minibatch(bench)).sensitivity_M


def test_one_round_is_one_shot(make_bench):
    ranking = run_to_end(iterate(make_bench(RECIPE), sensitivity, (26_661,)))
    once = rank_scores(sensitivity(make_bench(RECIPE)), ranking.layout)
    np.testing.assert_array_equal(ranking.rank_M, once.rank_M)


def test_rounds_score_the_remaining_connections_and_nothing_returns(make_bench):
    """Iterative SNIP, by an explicit loop over a network with its weights set to zero."""
    schedule = exponential(M, 2_666, 4)
    assert schedule[-1] == 2_666
    ranking = run_to_end(iterate(make_bench(RECIPE), sensitivity, schedule))
    bench = make_bench(RECIPE)
    kept_M = np.ones(M, bool)
    for num_kept in schedule:
        score_M = np.where(kept_M, sensitivity(bench), -1)
        chosen = sorted(np.flatnonzero(kept_M), key=lambda i: (-score_M[i], i))[:num_kept]
        kept_M = np.zeros(M, bool)
        kept_M[chosen] = True
        np.testing.assert_array_equal(ranking.rank_M < num_kept, kept_M)
        with torch.no_grad():
            for tensor, parameter in zip(
                ranking.layout.tensors, bench.prunable.parameters, strict=True
            ):
                part = torch.from_numpy(kept_M[tensor.offset : tensor.end])
                parameter.mul_(part.view(tensor.shape))
    once = rank_scores(sensitivity(make_bench(RECIPE)), ranking.layout)
    assert not np.array_equal(once.rank_M < 2_666, kept_M)
    assert once.follows_scores
    assert not ranking.follows_scores


@pytest.mark.parametrize("fails", [False, True])
def test_the_network_has_its_weights_again(make_bench, fails):
    bench = make_bench(RECIPE)
    before = {name: values.clone() for name, values in bench.model.state_dict().items()}
    calls = []

    def criterion(bench):
        calls.append(1)
        if fails and len(calls) == 2:
            raise RuntimeError("no more")
        return sensitivity(bench)

    steps = iterate(bench, criterion, exponential(M, 1000, 3))
    if fails:
        with pytest.raises(RuntimeError, match="no more"):
            run_to_end(steps)
    else:
        run_to_end(steps)
    assert all(torch.equal(bench.model.state_dict()[n], values) for n, values in before.items())


def test_the_slider_says_that_other_sparsities_are_a_preview(make_bench, monkeypatch):
    row = dataclasses.replace(METHODS["snip"], masks_for="target-sparsity")
    for module in (scoring, scored_module):
        monkeypatch.setattr(module, "find_method", lambda _pruning: row)

    def prune(bench):
        ranking = yield from iterate(bench, sensitivity, exponential(M, 26_661, 2))
        yield Pruned(ranking)

    monkeypatch.setattr("snip_gui.core.methods.criteria.snip.prune", prune)
    scored = run_to_end(scoring.prune(make_bench(RECIPE), CancelToken()))
    assert scored.mask_note(0.9) == ""
    assert "0.9" in scored.mask_note(0.95)
    assert "Preview" in scored.mask_note(0.95)
