from __future__ import annotations

import numpy as np
import pytest

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.graph.layout import num_kept_at
from snip_gui.core.methods import scoring as jobs
from snip_gui.core.recipe.recipe import Recipe
from snip_gui.core.views.readout import connection_readout, connection_text, part_text
from tests.core.masks import LENET, layout_named, scored_with
from tests.core.sources import Unnested


def test_a_readout_agrees_with_the_mask_and_the_network(digits, environment, bench):
    *_, done, _note = jobs.score_steps(Recipe(), environment, digits, CancelToken())
    scored, num_kept = done.scored, 26_661
    tensor = scored.layout["fc2.weight"]
    mask = scored.ranking.get_mask(tensor, num_kept)
    for position in [(0, 0), (3, 299), (99, 17)]:
        readout = connection_readout(scored, tensor, position, num_kept)
        assert (readout.name, readout.position) == ("fc2.weight", position)
        assert readout.is_kept == mask[position]
        assert readout.weight == pytest.approx(float(bench.model.fc2.weight[position].detach()))
        score_M = scored.ranking.score_M
        higher = int((score_M > readout.score).sum())
        assert higher < readout.rank <= higher + int((score_M == readout.score).sum())
        kept_there = num_kept_at(readout.leaves_at, 266_610)
        assert not scored.ranking.get_mask(tensor, kept_there)[position]
        assert scored.ranking.get_mask(tensor, kept_there + 1)[position]


def test_of_masks_that_do_not_nest_only_what_is_known_is_said():
    scored = scored_with(Unnested(layout_named(LENET)))
    tensor, num_kept = scored.layout["fc2.weight"], 10_000
    for position, is_kept in [*np.ndenumerate(scored.masks.get_mask(tensor, num_kept))][:300]:
        readout = connection_readout(scored, tensor, position, num_kept)
        assert readout.is_kept == is_kept
        assert (readout.score, readout.rank, readout.leaves_at) == (None, None, None)
        text = connection_text(scored, tensor, position, num_kept)
        assert ("kept" if is_kept else "removed") in text
        assert "rank" not in text
        assert "sparsity" not in text


@pytest.mark.parametrize(("unit", "source"), [(3, None), (None, 7), (3, 7)])
def test_what_is_kept_of_a_part_is_counted(unit, source):
    scored = scored_with(Unnested(layout_named(LENET)))
    tensor = scored.layout["fc2.weight"]
    mask = scored.masks.get_mask(tensor, 10_000)
    part = mask[slice(None) if unit is None else unit, slice(None) if source is None else source]
    text = part_text(scored, tensor, unit, source, 10_000)
    assert f"{np.count_nonzero(part)} of {np.size(part)} " in text
