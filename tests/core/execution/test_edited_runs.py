"""Runs whose masks were edited by hand."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.errors import UserError
from snip_gui.core.execution.resume import resume
from snip_gui.core.export.export import export_run
from snip_gui.core.recipe.edits import parse_edit
from snip_gui.core.recipe.methods import Snip
from snip_gui.core.recipe.recipe import Recipe, Training
from snip_gui.core.runs import folder as files
from snip_gui.core.runs.folder import read_recipe, read_summary
from snip_gui.core.sharing.verifying import Verified, verify_run
from tests.core.execution.folders import cancelling_at, model_weights

EDITS = tuple(map(parse_edit, ("keep fc3.weight", "remove units fc1[0:150]")))
EDITED = Recipe(training=Training(epochs=1), pruning=Snip(sparsity=0.95, edits=EDITS))


def test_edits_hold_through_training_and_resuming(work, environment, tmp_path):
    folder = tmp_path / "run"
    cancel, listen = cancelling_at(5)
    assert work(EDITED, folder, cancel=cancel, on_event=listen).state == "stopped"
    summary = resume(folder, environment, lambda _event: None, CancelToken())
    assert summary.state == "finished"
    assert read_recipe(folder) == EDITED
    assert summary.num_kept == round(266_610 * (1 - 0.95))
    assert (summary.num_edited_kept, summary.num_edited_removed) == (1_000, 150 * 785)
    masks, weights = load_file(folder / files.MASKS), model_weights(folder)
    assert masks["fc3.weight"].all()
    assert (weights["fc3.weight"] != 0).all()
    for name in ("fc1.weight", "fc1.bias"):
        assert not masks[name][:150].any()
        assert not weights[name][:150].any()
    assert sum(int(mask.sum()) for mask in masks.values()) == summary.num_kept


def test_edits_that_cannot_hold_are_refused_with_both_numbers(work, tmp_path):
    pruning = Snip(sparsity=0.99, edits=(parse_edit("keep fc2.weight"),))
    with pytest.raises(UserError, match=r"keep 30,000 .* keeps only 2,666"):
        work(Recipe(pruning=pruning), tmp_path / "run", stop_after="prune")


def test_the_card_says_what_was_edited_and_the_mask_can_be_verified(work, environment, tmp_path):
    folder = tmp_path / "run"
    work(EDITED, folder, stop_after="prune")
    events = list(verify_run(folder, environment, CancelToken()))
    assert isinstance(events[-1], Verified)
    assert events[-1].is_equal
    target = tmp_path / "net.safetensors"
    list(export_run(folder, "safetensors", target, CancelToken()))
    card = target.with_name(target.name + ".md").read_text()
    assert "| edited by hand | keep fc3.weight; remove units fc1[0:150] |" in card


def test_the_same_recipe_without_edits_has_the_mask_that_it_always_had(work, tmp_path):
    work(EDITED, tmp_path / "edited", stop_after="prune")
    plain = Recipe(training=Training(epochs=1), pruning=Snip(sparsity=0.95))
    work(plain, tmp_path / "plain", stop_after="prune")
    scores = [load_file(tmp_path / name / files.SCORES) for name in ("edited", "plain")]
    assert all(torch.equal(values, scores[1][name]) for name, values in scores[0].items())
    summary = read_summary(tmp_path / "plain")
    assert (summary.num_edited_kept, summary.num_edited_removed) == (0, 0)
    flat = torch.cat([values.flatten() for values in scores[1].values()])
    kept = flat.argsort(descending=True, stable=True)[: summary.num_kept]
    mask = torch.zeros_like(flat, dtype=torch.uint8).index_fill_(0, kept, 1)
    masks = load_file(tmp_path / "plain" / files.MASKS)
    assert torch.equal(mask, torch.cat([masks[name].flatten() for name in scores[1]]))
